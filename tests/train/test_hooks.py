from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from ingot.core.errors import UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.decoder import Decoder
from ingot.train.hooks import Hooks
from tests.train.small import MODEL, context


def draws(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    return {"drawn": float(torch.rand(())), "step": float(step), "gradients": float(torch.is_grad_enabled())}


def width(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    return {"width": float(decoder.config.width), "inputs": float(len(inputs))}


def test_all_hooks_are_called_without_gradients_and_cannot_move_the_generator(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    hooks = Hooks([f"{__name__}:draws", f"{__name__}:width"], inputs, context(tmp_path))
    decoder = Decoder(MODEL)
    before = torch.get_rng_state()
    metrics = hooks(decoder, 7)
    assert metrics == {"drawn": metrics["drawn"], "step": 7, "gradients": 0, "width": 32, "inputs": 2}
    assert torch.equal(torch.get_rng_state(), before)


def test_a_wrong_reference_is_found_before_training(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no"):
        Hooks(["ingot.train.hooks:no_such_hook"], {}, context(tmp_path))
