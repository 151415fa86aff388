"""How the processes of a training agree: each tells, all hear, in the order of their ranks.

Decisions (a step is skipped, the training stops, a checkpoint is whole) are made from what all ranks told, so that
every rank makes the same. One process agrees with itself, at no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


class Ranks:
    """Rank `rank` of `size`. Every method but `beside` is called by all of them, in the same order."""

    def __init__(self, rank: int = 0, size: int = 1, group: Any = None, patience: timedelta | None = None) -> None:
        self.rank, self.size = rank, size
        self._group, self._patience = group, patience

    def all(self, value: T) -> list[T]:
        """Return every rank's value, in order. Values travel only among the processes of this training."""
        if self.size == 1:
            return [value]
        told: list[Any] = [None] * self.size
        dist.all_gather_object(told, value, group=self._group)
        return told

    def first(self, value: T) -> T:
        """Return the value of rank 0."""
        return self.all(value)[0]

    def any(self, flag: bool) -> bool:
        """Say whether it is so on any rank."""
        return self.sums([float(flag)])[0] > 0

    def sums(self, values: Sequence[float]) -> list[float]:
        """Return the sum of each value over all ranks, added up in their order: the same bits everywhere."""
        if self.size == 1:
            return list(values)
        told = torch.empty(self.size * len(values), dtype=torch.float64)
        dist.all_gather_single(told, torch.tensor(values, dtype=torch.float64), group=self._group)
        rows = told.view(self.size, len(values)).tolist()
        return [sum(row[place] for row in rows) for place in range(len(values))]

    def wait(self) -> None:
        """Wait until all ranks are here."""
        self.any(False)

    def beside(self) -> Ranks:
        """Return the same ranks over connections of their own, for another thread."""
        if self.size == 1:
            return self
        return joined(self._patience)


def joined(patience: timedelta | None) -> Ranks:
    """Return all processes of the default group over new connections, which wait for one another so long at most."""
    group = dist.new_group(backend="gloo", timeout=patience)
    return Ranks(dist.get_rank(), dist.get_world_size(), group, patience)
