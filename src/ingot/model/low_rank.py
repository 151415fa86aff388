"""Many adapters over one decoder: each pass names the small matrices that count in it; the large ones are there once.

An adapter adds to a projection W of the decoder what its two low-rank matrices make: W x + alpha/rank B A x (Hu et al.,
2021, section 4.1); with DoRA each output is stretched as well (Liu et al., 2024, section 4). Nothing is written into
the decoder, and an adapter is chosen for the thread that computes, so that passes with different ones, or with none, go
on side by side. Folders are laid out as PEFT lays them out (adapter_config.json, adapter_model.safetensors).

Shapes: D inputs, O outputs, R rank.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ingot.core.errors import InputError
from ingot.model.convert import read_config
from ingot.model.decoder import Decoder
from ingot.model.layers import Projection, undrawn

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model.model."
MAGNITUDE = "lora_magnitude_vector"
_A, _B = "lora_A.weight", "lora_B.weight"


@dataclass(frozen=True)
class LowRankConfig:
    """What a folder says of its adapter: `alpha / rank` is how often the product counts."""

    rank: int
    alpha: float
    targets: tuple[str, ...]
    is_dora: bool


@dataclass(frozen=True)
class Beside:
    """What stands beside one projection: matrices [R, D] and [O, R], and the stretch [O] of DoRA."""

    a_RD: Tensor
    b_OR: Tensor
    scale: float
    stretch_O: Tensor | None = None

    def added_to(self, y: Tensor, x: Tensor) -> Tensor:
        """Return the projection's outputs as the adapter changes them."""
        together = y + F.linear(F.linear(x, self.a_RD.to(x.dtype)), self.b_OR.to(x.dtype)) * self.scale
        return together if self.stretch_O is None else together * self.stretch_O.to(x.dtype)


Adapter = Mapping[str, Beside]  # by the names of projections
_chosen: ContextVar[Adapter | None] = ContextVar("the adapter of this pass", default=None)


@contextlib.contextmanager
def adapting(adapter: Adapter | None) -> Iterator[None]:
    """Inside, and in this thread alone, a decoder that was made `adaptable` computes with this adapter."""
    token = _chosen.set(adapter)
    try:
        yield
    finally:
        _chosen.reset(token)


class _Adaptable(Projection):
    """A projection that adds what the chosen adapter has for it; `weight` is shared with the one it replaces."""

    def __init__(self, base: Projection, name: str) -> None:
        with torch.device("meta"), undrawn():
            super().__init__(base.in_features, base.out_features)
        self.weight = base.weight
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        y, adapter = super().forward(x), _chosen.get()
        beside = None if adapter is None else adapter.get(self.name)
        return y if beside is None else beside.added_to(y, x)


def adaptable(decoder: Decoder) -> Decoder:
    """Let passes of a decoder choose an adapter, in place; without one it computes the same bits as before."""
    for name, projection in list(_projections(decoder)):
        if not isinstance(projection, _Adaptable):
            parent, _, own = name.rpartition(".")
            setattr(decoder.get_submodule(parent), own, _Adaptable(projection, name))
    return decoder


def read_low_rank_config(folder: Path) -> LowRankConfig:
    """Read what a folder says of its adapter. Raises OSError, ValueError, KeyError or TypeError for what is no LoRA."""
    fields: Mapping[str, Any] = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    unusual = {"peft_type": "LORA", "bias": "none", "use_rslora": False, "fan_in_fan_out": False}
    unusual |= dict.fromkeys(("rank_pattern", "alpha_pattern", "layers_to_transform", "modules_to_save"), None)
    for name, usual in unusual.items():
        if (fields.get(name) or usual) != usual:
            raise ValueError(f"{name} is {fields[name]!r}, which is not computed here")
    targets = fields["target_modules"]
    if not isinstance(targets, list):
        raise ValueError("target_modules is not a list of names")
    is_dora = bool(fields.get("use_dora", False))
    return LowRankConfig(int(fields["r"]), float(fields["lora_alpha"]), tuple(sorted(targets)), is_dora)


def check_fits(folder: Path, base_folder: Path) -> LowRankConfig:
    """Compare an adapter's names and shapes with a model's, of which no weight is read.

    Raises InputError for a folder that holds none, or one of another model or of a kind that is not computed.
    """
    with undrawn(), torch.device("meta"):
        decoder = Decoder(read_config(base_folder))
    with _opened(folder) as (config, file):
        _compare(folder, decoder, config, file)
    return config


@torch.no_grad()
def load_low_rank(folder: Path, decoder: Decoder) -> Adapter:
    """Read an adapter for a decoder, which stays as it is. Raises InputError as `check_fits` does."""
    with _opened(folder) as (config, file):
        _compare(folder, decoder, config, file)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise unfit(folder, f"{name} holds numbers that are not finite")
    return {name: _beside(tensors, name, at, config) for name, at in _projections(decoder) if _is_target(name, config)}


def unfit(folder: Path, why: str) -> InputError:
    """Return the refusal of an adapter that cannot be put on a model."""
    return InputError(
        "the adapter cannot be put on the model",
        where=str(folder),
        why=why,
        fix=f"name the model it was trained beside, and a folder with {CONFIG_FILE} and {WEIGHTS_FILE}",
    )


def _beside(tensors: Mapping[str, Tensor], name: str, projection: Projection, config: LowRankConfig) -> Beside:
    a_RD, b_OR = (tensors[f"{PREFIX}{name}.{part}"].float() for part in (_A, _B))
    scale, stretch_O = config.alpha / config.rank, None
    if config.is_dora:
        length_O = torch.linalg.vector_norm(projection.weight.float() + scale * (b_OR @ a_RD), dim=1)
        stretch_O = tensors[f"{PREFIX}{name}.{MAGNITUDE}"].float() / length_O
    return Beside(a_RD, b_OR, scale, stretch_O)


def _compare(folder: Path, decoder: Decoder, config: LowRankConfig, file: Any) -> None:
    """Raise InputError unless an adapter's file has exactly the matrices that its targets in this decoder need."""
    found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no dict)
    there = {name.rpartition(".")[2] for name, _ in _projections(decoder)}
    if unknown := sorted(set(config.targets) - there):
        raise unfit(folder, f"it changes {unknown[0]}, and of this model {', '.join(sorted(there))} can be changed")
    if config.rank < 1:
        raise unfit(folder, f"its rank is {config.rank}")
    needed: dict[str, tuple[int, ...]] = {}
    for name, projection in _projections(decoder):
        if _is_target(name, config):
            needed[f"{PREFIX}{name}.{_A}"] = (config.rank, projection.in_features)
            needed[f"{PREFIX}{name}.{_B}"] = (projection.out_features, config.rank)
            if config.is_dora:
                needed[f"{PREFIX}{name}.{MAGNITUDE}"] = (projection.out_features,)
    for name in sorted(found.keys() | needed.keys()):
        if found.get(name) != needed.get(name):
            here, wanted = (str(list(shapes[name])) if name in shapes else "missing" for shapes in (found, needed))
            raise unfit(folder, f"it belongs to another model: {name} is {here} in it, and {wanted} for this one")


def _projections(decoder: Decoder) -> Iterator[tuple[str, Projection]]:
    """Yield the projections of a decoder's layers; experts lie stacked in one parameter and have none."""
    for name, module in decoder.named_modules():
        if isinstance(module, Projection) and name.startswith("layers."):
            yield name, module


def _is_target(name: str, config: LowRankConfig) -> bool:
    return name.rpartition(".")[2] in config.targets


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[tuple[LowRankConfig, Any]]:
    """Open an adapter's file, of which nothing but the names and shapes is read yet."""
    try:
        config = read_low_rank_config(folder)
        with safe_open(folder / WEIGHTS_FILE, framework="pt") as file:
            yield config, file
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise unfit(folder, f"{type(error).__name__}: {error}") from error
