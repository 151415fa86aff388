"""Whole matrices for a moment, each on one of the processes that hold its parts.

What is computed from a whole matrix, such as its direction, would be computed by every process that holds a part of it.
So the matrices are dealt out: of L matrices each of N processes gets the parts of about L / N, puts them together,
computes, and sends the parts of the result back (as in Liu et al., 2025, "Muon is scalable for LLM training", section
3.3). That takes no more memory than the parts of all of them did, and an Nth of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Deal:
    """`count` matrices of one shape, sharded along `dim` over the ranks of a group, one after another."""

    count: int
    shape: tuple[int, ...]
    dim: int
    group: Any

    def gather(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Return the whole of those matrices that are dealt to this rank, from the parts of all that lie here."""
        here, mine = self.group.rank(), len(self._run(self.group.rank()))
        sent = [len(self._run(rank)) * self._numel(here) for rank in range(self.group.size())]
        come = [mine * self._numel(rank) for rank in range(self.group.size())]
        received = _swapped(parts, sent, come, self.group, parts[0])
        columns = [
            [one.view(self._shape(rank)) for one in told.chunk(mine)]
            for rank, told in enumerate(torch.split(received, come))
            if mine and self._numel(rank)
        ]
        return [torch.cat(pieces, self.dim) for pieces in zip(*columns, strict=True)]

    def scatter(self, wholes: Sequence[Tensor], like: Tensor) -> list[Tensor]:
        """Return the parts that lie here of all matrices, from the whole of those that were dealt to this rank.

        `like` is any tensor of their kind: to some ranks none is dealt.
        """
        here, ranks = self.group.rank(), range(self.group.size())
        begins = [0, *accumulate(map(self._length, ranks))]
        cut = [whole.narrow(self.dim, begins[rank], self._length(rank)) for rank in ranks for whole in wholes]
        sent = [len(wholes) * self._numel(rank) for rank in ranks]
        come = [len(self._run(rank)) * self._numel(here) for rank in ranks]
        received = _swapped(cut, sent, come, self.group, like)
        return [part.view(self._shape(here)) for part in received.view(self.count, self._numel(here)).unbind()]

    def _run(self, rank: int) -> range:
        return range(self.count * rank // self.group.size(), self.count * (rank + 1) // self.group.size())

    def _length(self, rank: int) -> int:
        """Return how much of the sharded dimension a rank holds: a whole chunk, or for the last ones what is left."""
        chunk = -(-self.shape[self.dim] // self.group.size())
        return int(max(0, min(chunk, self.shape[self.dim] - rank * chunk)))

    def _shape(self, rank: int) -> tuple[int, ...]:
        return (*self.shape[: self.dim], self._length(rank), *self.shape[self.dim + 1 :])

    def _numel(self, rank: int) -> int:
        return int(prod(self._shape(rank)))


def _swapped(tensors: Sequence[Tensor], sent: list[int], come: list[int], group: Any, like: Tensor) -> Tensor:
    """Send some tensors, one after another, `sent` numbers to each rank, and return the numbers that come."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors]) if tensors else like.new_empty(0)
    received = like.new_empty(sum(come))
    dist.all_to_all_single(received, flat, come, sent, group=group)
    return received
