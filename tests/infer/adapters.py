"""Adapters as after some training, beside a small model."""

from __future__ import annotations

from pathlib import Path

import torch

from ingot.model.convert import load
from ingot.train.adapters import adapted, attach, save_adapters
from ingot.train.config import AdapterConfig


def make_adapter(base: Path, folder: Path, seed: int, is_dora: bool = False) -> Path:
    """Write the folder of an adapter that changes what a model says."""
    torch.manual_seed(seed)
    config = AdapterConfig(rank=4, alpha=8.0, is_dora=is_dora)
    decoder = attach(load(base), config)
    with torch.no_grad():
        for _, module in adapted(decoder):
            module.lora_B.normal_(std=0.3)
            if module.magnitude is not None:
                module.magnitude *= 1.1
    save_adapters(decoder, config, folder)
    return folder
