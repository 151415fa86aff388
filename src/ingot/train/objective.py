"""What an objective is: a function from a decoder and a batch to a loss.

One that needs more than the batch, such as the tokenizer or a teacher, has a fourth parameter `given`. It returns a sum
and the count it is a sum over, not a mean: the trainer divides once per step, by the count of the whole step, so that
every target weighs the same however a batch was cut into pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from inspect import signature
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from ingot.core.errors import InputError, UsageError, suggest
from ingot.data.stream import Batch
from ingot.model.convert import SpecialTokens
from ingot.model.convert import load as load_decoder
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec, read_tokenizer

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class TensorBatch:
    """A batch on the model's device: ids, what follows each (or IGNORED), and its document's number in the row."""

    tokens_BT: Tensor
    targets_BT: Tensor
    segments_BT: Tensor


@dataclass(frozen=True, eq=False)
class Loss:
    """`total` is a differentiable sum over `count` targets; `metrics` are sums over the same targets.

    `means` are sums over something else, with their own counts; they stand in the curve. `notes` are told as warnings.
    """

    total: Tensor
    count: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    means: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Objective(Protocol):
    """A plug-in's `loss` with its config filled in."""

    def __call__(self, decoder: Decoder, batch: TensorBatch, /) -> Loss: ...


class Given:
    """What an objective may use beside the batch: the training's inputs, by name; read once, when first asked for."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = dict(folders)
        self._decoders: dict[tuple[str, torch.device, torch.dtype], Decoder] = {}
        self._made: dict[str, Any] = {}

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gave when it was asked for under this name first."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    @cached_property
    def codec(self) -> Codec:
        """The tokenizer of the training."""
        return Codec.load(self.folder("tokenizer", "it reads the tokens' text"))

    def folder(self, name: str, why: str) -> Path:
        """Return the folder of an input. Raises UsageError when the step was not given it."""
        if name not in self._folders:
            raise UsageError(
                f"the objective needs an input {name!r}",
                where="training, inputs",
                why=why,
                fix=f"name the step that makes it under `inputs` as {name} ({suggest(name, self._folders)})",
            )
        return self._folders[name]

    def folder_with(self, file: str, why: str, made_by: str) -> Path:
        """Return the folder of an input that holds a file. Raises UsageError when none does, or several differ."""
        found = [folder for folder in self._folders.values() if (folder / file).is_file()]
        if len({(folder / file).read_bytes() for folder in found}) == 1:
            return found[0]
        raise UsageError(
            f"several inputs have a {file}, and they differ" if found else f"no input has a {file}",
            where="training, inputs",
            why=why,
            fix=f"give it one that the step {made_by} made",
        )

    def decoder(self, name: str, device: torch.device, dtype: torch.dtype, why: str) -> Decoder:
        """Return the model of an input, on a device and in a dtype; it learns nothing.

        Raises InputError when it reads other tokens than those of the training.
        """
        key = name, device, dtype
        if key not in self._decoders:
            folder = self.folder(name, why)
            if read_tokenizer(folder).get_vocab() != self.codec.tokenizer.get_vocab():
                raise _other_tokens(name, folder)
            decoder = load_decoder(folder, dtype)
            self._decoders[key] = decoder.eval().requires_grad_(False).to(device)
        return self._decoders[key]


class Head(Protocol):
    """What an objective trains in the place of a decoder's head, where it does not predict tokens.

    A plug-in that has one has a function `head(config, given)` beside its `loss`.
    """

    def put_on(self, decoder: Decoder, seed: int = 0) -> Decoder:
        """Put it on a decoder, in place, its weights drawn from the seed; return the decoder."""

    def first_weights(self, width: int, seed: int) -> Mapping[str, Tensor]:
        """Return those weights, whole, by their names in the decoder."""

    def save(self, decoder: Decoder, folder: Path, special: SpecialTokens, longest: int) -> None:
        """Write the model folder, for texts of up to `longest` tokens."""


def bind(entry: Callable[..., Loss], config: object, given: Given) -> Objective:
    """Fill in a plug-in's config and, where it has a parameter for that, what the training gives it."""
    return partial(entry, config=config, **({"given": given} if "given" in signature(entry).parameters else {}))


def _other_tokens(name: str, folder: Path) -> InputError:
    return InputError(
        f"the {name} reads other tokens than the model in training",
        where=str(folder),
        why="what it says is about its own vocabulary, id by id",
        fix=f"move the {name} to the tokenizer of the training first (ingot.train.vocabulary:move)",
    )


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
