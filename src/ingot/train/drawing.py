"""First weights in parts: no process ever holds more than its share and one weight.

A decoder is built and divided without memory; only what is left of it then gets some. Its weights are filled one after
another. Those of a start are read from its files, a region each. Those that are drawn are the same however the model is
divided: up to `LARGE` parameters every process draws all of them, in the order in which one process draws, and keeps
what is its own. Above that it would wait too long for the others' weights. So there every row of a weight is drawn by a
generator of its own, which counts from the seed, the name and the row (Salmon et al., 2011, "Parallel random numbers:
as easy as 1, 2, 3"), by one process as by a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ingot.model.convert import weights
from ingot.model.decoder import Decoder
from ingot.train.beginning import first_decoder
from ingot.train.config import PretrainConfig
from ingot.train.objective import Head
from ingot.train.parallel.placement import Placement, Region, alone
from ingot.train.recomputing import recompute
from ingot.train.width import scale_first_weights

# One core draws so many numbers in about ten seconds.
LARGE = 2**30
_aten: Any = torch.ops.aten  # torch publishes operators without types
_NORMAL = _aten.normal_.default
_FILLS = {_NORMAL, _aten.uniform_.default, _aten.fill_.Scalar, _aten.zero_.default}

# Fills a real tensor as the one without memory would have been filled.
Fill = Callable[[Tensor], Any]


def first_parts(
    config: PretrainConfig,
    dtype: torch.dtype,
    start: Path | None,
    device: torch.device,
    spread: Callable[[Decoder], Placement] = alone,
    head: Head | None = None,
    large: int = LARGE,
) -> tuple[Decoder, Placement]:
    """Return the decoder before the first step, divided by `spread`, and who holds what of it.

    Raises InputError for a start that cannot be read.
    """
    is_small = config.model.parameters < large
    # Adapters stand beside whole matrices, and are drawn for them.
    if config.adapters is not None or (spread is alone and is_small):
        decoder = first_decoder(config, dtype, start).to(device)
        if head is not None:
            head.put_on(decoder, config.seed)
        return decoder, spread(recompute(decoder) if config.recompute else decoder)
    torch.manual_seed(config.seed)
    room = _Room()
    with torch.device("meta"):
        with _Filling(room.draw_for_nothing if is_small and start is None else _left_out):
            pattern = _Undrawn(config.model)
        with _Filling(_left_out):
            decoder = Decoder(config.model, dtype)
            if head is not None:
                head.put_on(decoder)
    placement = spread(recompute(decoder) if config.recompute else decoder)
    placement.give_memory(decoder, device)
    with torch.no_grad():
        parts = _Parts(decoder, placement, config.seed, room)
        with _Filling(parts.draw_in_turn if is_small else parts.draw_by_row):
            parts.names = {id(tensor): name for name, tensor in _tensors(pattern)}
            # With a start only what no file has is filled: the balance biases.
            Decoder.draw(pattern) if start is None else _draw_biases(pattern)
        if start is None:
            scale_first_weights(decoder, config)
        else:
            parts.read(start)
        if head is not None:
            parts.copy(head.first_weights(config.model.width, config.seed))
        parts.check()
    return decoder, placement


class _Undrawn(Decoder):
    """A decoder whose weights wait to be drawn until it is known what they are called."""

    def draw(self) -> None:
        pass


class _Filling(TorchDispatchMode):  # type: ignore[no-untyped-call]  # published without types
    """Hands what would fill a tensor without memory to `take`, instead of doing nothing."""

    def __init__(self, take: Callable[[Tensor, Fill, Any, tuple[Any, ...]], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self._take = take

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if op not in _FILLS or not args[0].is_meta:
            is_change = op._schema.is_mutable and isinstance(args[0], Tensor) and args[0].is_meta
            assert not is_change or self._take is _left_out, f"nobody said how {op} fills a part of a weight"
            return op(*args, **(kwargs or {}))
        self._take(args[0], lambda whole: op(whole, *args[1:], **(kwargs or {})), op, args[1:])
        return args[0]


def _left_out(tensor: Tensor, fill: Fill, op: Any, options: tuple[Any, ...]) -> None: ...


class _Room:
    """Memory for one weight at a time, always the same: pieces of many sizes would leave holes that nothing fits."""

    def __init__(self) -> None:
        self._room = torch.empty(0, device="cpu")

    def __call__(self, tensor: Tensor) -> Tensor:
        if self._room.numel() < tensor.numel():
            self._room = torch.empty(tensor.numel(), device="cpu")
        return self._room[: tensor.numel()].view(tensor.shape)

    def draw_for_nothing(self, tensor: Tensor, fill: Fill, op: Any, options: tuple[Any, ...]) -> None:
        """Bring the generator to where it is after this weight: modules draw first weights that are then drawn anew."""
        fill(self(tensor))


class _Parts:
    """Fills the parts of a divided decoder; `names` says what the tensors of its pattern are called."""

    def __init__(self, decoder: Decoder, placement: Placement, seed: int, room: _Room) -> None:
        self._held = decoder.state_dict()
        self._config, self._placement, self._seed, self._room = decoder.config, placement, seed, room
        self._filled: set[str] = set()
        self.names: dict[int, str] = {}

    def draw_in_turn(self, tensor: Tensor, fill: Fill, op: Any, options: tuple[Any, ...]) -> None:
        whole = self._room(tensor)
        fill(whole)
        name = self.names[id(tensor)]
        if name in self._held:
            region = self._placement.region(name)
            self._part(name).copy_(whole if region is None else whole[region.slices])

    def draw_by_row(self, tensor: Tensor, fill: Fill, op: Any, options: tuple[Any, ...]) -> None:
        name = self.names[id(tensor)]
        if name not in self._held:
            return
        if op is not _NORMAL:
            fill(self._part(name))
            return
        mean, std = options
        region = self._placement.region(name) or Region((0,) * tensor.ndim, tuple(tensor.shape), tuple(tensor.shape))
        part = self._part(name)
        target = part if part.device.type == "cpu" else torch.empty(region.shape)
        for place, row in _rows(self._seed, name, region):
            target[place] = torch.from_numpy(row).mul_(std).add_(mean)
        if target is not part:
            part.copy_(target)

    def read(self, folder: Path) -> None:
        """Read the parts from a model folder, one tensor of it in memory at a time."""
        for (name, expert), tensor in weights(folder, self._config):
            if name not in self._held:
                continue
            region, part = self._placement.region(name), self._part(name)
            if expert is None:
                part.copy_(tensor if region is None else tensor[region.slices])
            elif region is None:
                part[expert].copy_(tensor)
            elif region.offset[0] <= expert < region.offset[0] + region.shape[0]:
                part[expert - region.offset[0]].copy_(tensor[region.slices[1:]])

    def copy(self, wholes: Mapping[str, Tensor]) -> None:
        """Take the parts of whole weights."""
        for name, whole in wholes.items():
            region = self._placement.region(name)
            self._part(name).copy_(whole if region is None else whole[region.slices])

    def check(self) -> None:
        """Fail when a weight was left as memory happened to be."""
        unfilled = sorted(self._held.keys() - self._filled)
        assert not unfilled, f"{unfilled[0]} of the first weights was never filled"

    def _part(self, name: str) -> Tensor:
        self._filled.add(name)
        return self._placement.local(self._held[name])


def _rows(seed: int, name: str, region: Region) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Yield the rows of a region of a weight, standard normal, and their places in it."""
    key = int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=16).digest(), "little")
    *leading, last = region.slices
    for places in product(*(range(each.start, each.stop) for each in leading)):
        number = 0
        for place, size in zip(places, region.whole[:-1], strict=True):
            number = number * size + place
        generator = np.random.Generator(np.random.Philox(key=key, counter=number << 64))
        row = generator.standard_normal(region.whole[-1], dtype=np.float32)[last]
        yield tuple(place - each.start for place, each in zip(places, leading, strict=True)), row


def _tensors(decoder: Decoder) -> Iterator[tuple[str, Tensor]]:
    yield from decoder.named_parameters()
    yield from decoder.named_buffers()


def _draw_biases(decoder: Decoder) -> None:
    for _, buffer in decoder.named_buffers():
        buffer.zero_()
