"""LoRA and DoRA: small trained matrices beside frozen ones, put around a decoder from outside.

A projection W becomes W + alpha/rank x B A, of which only A and B are trained (Hu et al., 2021, section 4.1); B begins
at zero, so the first step sees the model as it was. DoRA (Liu et al., 2024, section 4) gives each row of that sum a
learned length; the length it is divided by counts as a constant in the backward pass (section 4.3), as in PEFT.
The decoder's code does not know about it. Saved are the adapters alone, as PEFT lays them out (adapter_config.json,
adapter_model.safetensors): any program that reads that puts them on the same model. `merged` makes a plain one again.

Shapes: D inputs, O outputs, R rank.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import room_on_disk, write_atomically
from ingot.model.decoder import Decoder
from ingot.model.layers import Projection
from ingot.model.low_rank import CONFIG_FILE, MAGNITUDE, PREFIX, WEIGHTS_FILE, read_low_rank_config
from ingot.train.config import AdapterConfig


class Adapted(Projection):
    """A projection that stays, and what is learned beside it; `weight` is shared with the projection it replaces."""

    def __init__(self, base: Projection, config: AdapterConfig) -> None:
        with torch.device("meta"):
            super().__init__(base.in_features, base.out_features)
        self.weight = base.weight
        self.scale = config.alpha / config.rank
        device = base.weight.device
        self.lora_A = nn.Parameter(torch.empty(config.rank, base.in_features, device=device))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, config.rank, device=device))
        # As nn.Linear draws its own weights; PEFT's default as well.
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))
        norms_O = torch.linalg.vector_norm(base.weight.detach().float(), dim=1)
        self.magnitude = nn.Parameter(norms_O) if config.is_dora else None

    def forward(self, x: Tensor) -> Tensor:
        beside = F.linear(F.linear(x, self.lora_A.to(x.dtype)), self.lora_B.to(x.dtype)) * self.scale
        together = F.linear(x, self.weight.to(x.dtype)) + beside
        return together if self.magnitude is None else together * self._stretch_O().to(x.dtype)

    def merged_weight(self) -> Tensor:
        """Return the matrix [O, D] that does the same alone, in float32."""
        weight_OD = self._sum_OD()
        return weight_OD if self.magnitude is None else weight_OD * self._stretch_O()[:, None]

    def _sum_OD(self) -> Tensor:
        return self.weight.float() + self.scale * (self.lora_B @ self.lora_A)

    def _stretch_O(self) -> Tensor:
        assert self.magnitude is not None, "asked for DoRA only"
        stretch_O: Tensor = self.magnitude / torch.linalg.vector_norm(self._sum_OD().detach(), dim=1)
        return stretch_O


def attach(decoder: Decoder, config: AdapterConfig) -> Decoder:
    """Freeze a decoder's weights and put adapters on its targets, in place; return it.

    A is drawn from torch's generator. Raises UsageError when the model has none of the matrices named.
    """
    decoder.requires_grad_(False)
    for name in config.targets:
        found = [module for module in decoder.layers.modules() if isinstance(getattr(module, name, None), Projection)]
        if not found:
            raise UsageError(
                f"this model has no matrix {name} that an adapter can stand beside",
                where="training config, adapters.targets",
                why="the feed-forwards of experts lie stacked in one parameter",
                fix="leave it out: q_proj, k_proj, v_proj and o_proj are in every model",
            )
        for module in found:
            setattr(module, name, Adapted(getattr(module, name), config))
    return decoder


def adapted(decoder: Decoder) -> Iterator[tuple[str, Adapted]]:
    """Yield a decoder's adapted projections with their names."""
    for name, module in decoder.named_modules():
        if isinstance(module, Adapted):
            yield name, module


@torch.no_grad()
def merged(decoder: Decoder) -> Decoder:
    """Return a plain decoder that computes the same; the adapted one is left alone."""
    plain = Decoder(decoder.config, decoder.dtype)
    weights = {name: tensor for name, tensor in decoder.state_dict().items() if name in plain.state_dict()}
    weights |= {f"{name}.weight": module.merged_weight() for name, module in adapted(decoder)}
    plain.load_state_dict(weights)
    return plain


def save_adapters(decoder: Decoder, config: AdapterConfig, folder: Path, base: str = "") -> None:
    """Write what was learned as PEFT writes it; `base` says beside which model it belongs."""
    tensors = {name: tensor.detach().contiguous() for name, tensor in _by_name(decoder).items()}
    fields: dict[str, Any] = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base or None,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "target_modules": list(config.targets),
        "use_dora": config.is_dora,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "modules_to_save": None,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with room_on_disk(folder):
        save_file(tensors, folder / WEIGHTS_FILE, {"format": "pt"})
    write_atomically(folder / CONFIG_FILE, json.dumps(fields, indent=2) + "\n")


def load_adapters(decoder: Decoder, folder: Path) -> Decoder:
    """Put the adapters of a folder on the model they were trained beside, in place; return it.

    Raises InputError for a folder that holds none, or those of another model or of a kind that is not computed.
    """
    try:
        config = _read_config(folder)
        found = load_file(folder / WEIGHTS_FILE)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise _unreadable(folder, f"{type(error).__name__}: {error}") from error
    attach(decoder, config)
    expected = _by_name(decoder)
    differing = sorted(found.keys() ^ expected.keys())
    differing += [name for name in expected if name in found and found[name].shape != expected[name].shape]
    if differing:
        raise _unreadable(folder, f"they belong to another model: {differing[0]} does not fit")
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(found[name])
    return decoder


def _by_name(decoder: Decoder) -> dict[str, nn.Parameter]:
    return {f"{PREFIX}{name}.{part}": tensor for name, module in adapted(decoder) for part, tensor in _parts(module)}


def _parts(module: Adapted) -> Iterator[tuple[str, nn.Parameter]]:
    yield "lora_A.weight", module.lora_A
    yield "lora_B.weight", module.lora_B
    if module.magnitude is not None:
        yield MAGNITUDE, module.magnitude


def _read_config(folder: Path) -> AdapterConfig:
    read = read_low_rank_config(folder)
    return AdapterConfig(read.rank, read.alpha, read.targets, read.is_dora)


def _unreadable(folder: Path, why: str) -> InputError:
    return InputError(
        "the adapters cannot be put on the model",
        where=str(folder),
        why=why,
        fix=f"name the model they were trained beside, and a folder with {CONFIG_FILE} and {WEIGHTS_FILE}",
    )
