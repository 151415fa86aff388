"""The tensors of a checkpoint that several ranks wrote: each file holds boxes of them, a layout says which.

Read as a mapping it gives whole tensors; `part` gives one region and reads no more of the files than that takes, so any
number of ranks can take from it what they hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from ingot.train.parallel.placement import Region

LAYOUT = "layout.json"

# By tensor: its shape, and for each file that holds a box of it, where the box begins and its shape.
Layout = dict[str, dict[str, Any]]


def part_file(rank: int, ranks: int) -> str:
    """Return the name of the file a rank writes."""
    return f"state-{rank:05d}-of-{ranks:05d}.safetensors"


def layout_of(files: Mapping[str, Mapping[str, tuple[tuple[int, ...], Region | None]]]) -> Layout:
    """Return where everything lies, from the shapes and regions of the tensors in each file."""
    layout: Layout = {}
    for file, tensors in files.items():
        for name, (shape, region) in tensors.items():
            known = layout.setdefault(name, {"shape": list(region.whole if region else shape), "parts": []})
            offset = list(region.offset) if region else [0] * len(shape)
            known["parts"].append({"file": file, "offset": offset, "shape": list(shape)})
    return layout


class Parts(Mapping[str, Tensor]):
    """The tensors of a checkpoint folder, or of the `only` file in it that has any, read when they are asked for."""

    def __init__(self, folder: Path, only: str = "") -> None:
        self._folder = folder
        self._files: dict[str, Any] = {}
        self._layout: Layout = (
            self._layout_of(only) if only else json.loads((folder / LAYOUT).read_text(encoding="utf-8"))
        )

    def _layout_of(self, file: str) -> Layout:
        """Return the layout of a checkpoint that one process wrote into one file."""
        opened = self._open(file)
        shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - no mapping
        return layout_of({file: {name: (shape, None) for name, shape in shapes.items()}})

    def __iter__(self) -> Iterator[str]:
        return iter(self._layout)

    def __len__(self) -> int:
        return len(self._layout)

    def __getitem__(self, name: str) -> Tensor:
        shape = tuple(self._layout[name]["shape"])
        return self.part(name, Region((0,) * len(shape), shape, shape))

    def part(self, name: str, region: Region) -> Tensor:
        """Return one region of a tensor, put together from the boxes that overlap it."""
        assert tuple(self._layout[name]["shape"]) == region.whole, f"{name} of a checkpoint has another shape"
        part: Tensor | None = None
        for box in self._layout[name]["parts"]:
            found = self._open(box["file"]).get_slice(name)
            if not box["shape"]:  # a single number
                number: Tensor = self._open(box["file"]).get_tensor(name)
                return number
            spans = [
                (max(want, have), min(want + size, have + held))
                for want, size, have, held in zip(region.offset, region.shape, box["offset"], box["shape"], strict=True)
            ]
            inside = tuple(slice(a - have, max(a, b) - have) for (a, b), have in zip(spans, box["offset"], strict=True))
            if part is None:
                part = torch.empty(region.shape, dtype=found[tuple(slice(0, 0) for _ in inside)].dtype)
            if all(begin < end for begin, end in spans):
                target = tuple(slice(a - want, b - want) for (a, b), want in zip(spans, region.offset, strict=True))
                part[target] = found[inside]
        assert part is not None, f"no file of the checkpoint holds {name}"
        return part

    def _open(self, file: str) -> Any:
        if file not in self._files:
            self._files[file] = safe_open(self._folder / file, framework="pt")
        return self._files[file]
