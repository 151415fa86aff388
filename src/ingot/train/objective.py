"""What an objective is: a function from a decoder and a batch to a loss, nothing else.

It returns a sum and the count it is a sum over, not a mean: the trainer divides once per step, by the count of the
whole step, so that every target weighs the same however a batch was cut into pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from ingot.data.stream import Batch
from ingot.model.decoder import Decoder


@dataclass(frozen=True, eq=False)
class TensorBatch:
    """A batch on the model's device: ids, what follows each (or IGNORED), and its document's number in the row."""

    tokens_BT: Tensor
    targets_BT: Tensor
    segments_BT: Tensor


@dataclass(frozen=True, eq=False)
class Loss:
    """`total` is a differentiable sum over `count` targets; `metrics` are sums over the same targets."""

    total: Tensor
    count: int
    metrics: Mapping[str, float] = field(default_factory=dict)


class Objective(Protocol):
    """A plug-in's `loss` with its config filled in."""

    def __call__(self, decoder: Decoder, batch: TensorBatch, /) -> Loss: ...


class Batches(Protocol):
    """An endless row of batches: the same step gives the same batch, always. A position says how to go on from one.

    `documents` names what a batch holds.
    """

    def batch(self, step: int) -> Batch: ...

    def documents(self, step: int) -> list[str]: ...

    def position(self, step: int) -> Mapping[str, int]: ...


def pieces(batch: Batch, count: int, device: torch.device) -> Iterator[TensorBatch]:
    """Cut a batch into `count` runs of rows, each moved to the device when its turn comes."""
    rows = len(batch.tokens) // count
    for first in range(0, len(batch.tokens), rows):
        parts: list[Any] = [array[first : first + rows] for array in (batch.tokens, batch.targets, batch.segments)]
        # Copied, not shared: an array mapped from a file may be read-only, which torch cannot express.
        yield TensorBatch(*(torch.tensor(part, device=device) for part in parts))
