"""Who holds what: which part of every weight lies here, and how parts become a whole again.

This one is for a single process, where every part is the whole; `spread` has the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ingot.model.decoder import Decoder
from ingot.train.objective import Loss, Objective, TensorBatch
from ingot.train.parallel.ranks import Ranks

# Makes of some tensors of one shape as many others of that shape.
Compute = Callable[[Sequence[Tensor]], Sequence[Tensor]]


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
    stages = 1  # processes in a row that each have some of the layers
    is_counted = True  # or the same rows are counted by another rank

    def give_memory(self, decoder: Decoder, device: torch.device) -> None:
        """Give memory to what is here of a decoder that was built and divided without; what is in it is left open."""
        decoder.to_empty(device=device)

    def at_once(self, pieces: Iterable[TensorBatch]) -> Iterator[Sequence[TensorBatch]]:
        """Group the pieces of a batch by what `learn` takes at once: one, or all of them through several stages."""
        yield from ([list(pieces)] if self.stages > 1 else ([piece] for piece in pieces))

    def learn(self, decoder: Decoder, objective: Objective, pieces: Sequence[TensorBatch]) -> Loss:
        """Add the gradients of some pieces to those of the weights here and return their loss, as far as known here."""
        (piece,) = pieces
        loss = objective(decoder, piece)
        loss.total.backward()  # type: ignore[no-untyped-call]  # torch publishes it without types
        return replace(loss, total=loss.total.detach())

    def load(self, decoder: Decoder) -> Tensor:
        """Return how many tokens each expert read in the last `learn`, [MoE layers, experts]; 0 for those elsewhere."""
        return decoder.expert_load()

    def load_here(self, tokens_LE: Tensor) -> Tensor:
        """Return those rows of a table of all MoE layers whose layers are here."""
        return tokens_LE

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
        """Return the shape in which `by_whole` computes with a weight."""
        return tuple(parameter.shape)

    def by_whole(self, parameters: Sequence[Tensor], parts: Sequence[Tensor], compute: Compute) -> list[Tensor]:
        """Return the parts here of what `compute` makes of whole tensors, shaped as the parameters, given their parts.

        `compute` is asked for some of them at a time, as it would be for all, and not for what others compute.
        """
        return list(compute(parts))

    def whole_weights(
        self, decoder: nn.Module, wanted: Callable[[str], bool] = lambda _: True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield every weight and buffer whose name is wanted, whole, on the processor; all ranks must take all of them.

        Only on rank 0 is it certain that there is something in it.
        """
        for name, tensor in decoder.state_dict().items():
            if wanted(name):
                yield name, tensor.detach().cpu()


def alone(decoder: Decoder) -> Placement:
    """Leave a decoder to one process: what `spread` is to several."""
    return Placement()


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
