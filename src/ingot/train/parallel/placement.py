"""Who holds what: which part of every weight lies here, and how parts become a whole again.

This one is for a single process, where every part is the whole; `spread` has the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ingot.train.parallel.ranks import Ranks


@dataclass(frozen=True)
class Region:
    """A box of a tensor: where it begins, its shape, and the shape of the whole."""

    offset: tuple[int, ...]
    shape: tuple[int, ...]
    whole: tuple[int, ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        """The box as indices into the whole."""
        return tuple(slice(begin, begin + size) for begin, size in zip(self.offset, self.shape, strict=True))


class Placement:
    """Everything is here. `reader` of `readers` is which rows of a batch this process reads."""

    ranks = Ranks()
    reader = 0
    readers = 1
    is_counted = True  # or the same rows are counted by another rank

    def local(self, tensor: Tensor) -> Tensor:
        """Return the part of a weight, gradient or moment that lies here; changing it changes the tensor."""
        return tensor

    def parameters(self, decoder: nn.Module) -> list[Tensor]:
        """Return the parts of all weights that lie here."""
        return [self.local(parameter) for parameter in decoder.parameters()]

    def complete(self, decoder: nn.Module) -> None:
        """Add up what is still divided of the gradients; to be called once after the last backward pass of a step."""

    def gradients(self, decoder: nn.Module) -> list[Tensor]:
        """Return the parts of all gradients that lie here."""
        return [parameter.grad for parameter in decoder.parameters() if parameter.grad is not None]

    def norm(self, gradients: Sequence[Tensor]) -> float:
        """Return the length of the whole gradient, from what `gradients` returned."""
        return float(nn.utils.get_total_norm(list(gradients)))

    def region(self, name: str) -> Region | None:
        """Return which part of a weight lies here, or None for all of it."""
        return None

    def is_written(self, name: str) -> bool:
        """Say whether this rank is the one that writes its part of a weight."""
        return True

    def shape(self, parameter: Tensor) -> tuple[int, ...]:
        """Return the shape that `wholes` would give."""
        return tuple(parameter.shape)

    def wholes(self, parameters: Sequence[Tensor], parts: Sequence[Tensor]) -> list[Tensor]:
        """Return the whole tensors, shaped as the parameters, whose parts here are given."""
        return list(parts)

    def parts(self, parameters: Sequence[Tensor], wholes: Sequence[Tensor]) -> list[Tensor]:
        """Return the parts that lie here of whole tensors shaped as the parameters."""
        return list(wholes)

    def whole_weights(self, decoder: nn.Module) -> Iterator[tuple[str, Tensor]]:
        """Yield every weight and buffer by name, whole, on the processor; all ranks must take all of them."""
        for name, tensor in decoder.state_dict().items():
            yield name, tensor.detach().cpu()


def part_of(saved: Mapping[str, Tensor], name: str, region: Region | None) -> Tensor:
    """Return a saved tensor, or a region of it."""
    if region is None:
        return saved[name]
    read = getattr(saved, "part", None)
    part: Tensor = read(name, region) if read else saved[name][region.slices]
    return part


def empty_like(region: Region, dtype: torch.dtype) -> Tensor:
    """Return memory for a region."""
    return torch.empty(region.shape, dtype=dtype)
