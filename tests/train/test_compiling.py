from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.core.errors import KilledError, UsageError
from ingot.flow.artifact import Artifact
from ingot.train import compiling
from ingot.train.compiling import choose_compiling, expected_seconds, has_compiler
from ingot.train.run import pretrain
from ingot.train.state import begin, scalars
from tests.train.small import Told, context, settings

CPU = torch.device("cpu")
needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no compiler works here")


def chosen(saved: Mapping[str, object] | None = None, told: Told | None = None, **changes: object) -> bool:
    config = settings(**changes)
    return choose_compiling(config, begin(config, 1, "fp32", CPU), saved, told or Told())


def test_a_short_training_is_not_compiled() -> None:
    assert expected_seconds(settings(), "fp32", 1) < 1
    assert not chosen()
    assert not chosen(compile="off", steps=10**9)


@needs_compiler
@pytest.mark.filterwarnings("ignore")  # the compiler warns of itself
def test_a_long_training_is_and_one_that_insists() -> None:
    assert chosen(steps=10**9)
    assert chosen(compile="on")


def test_a_resumed_training_does_what_it_did() -> None:
    assert not chosen({"is_compiled": False}, compile="on", steps=10**9)
    assert not chosen({}, steps=10**9)  # of a time when nothing was compiled
    assert chosen({"is_compiled": True}, compile="off") is has_compiler()


def test_without_a_compiler_auto_does_without_on_refuses_and_a_resume_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no g++")

    monkeypatch.setattr(compiling, "_line", fails)
    assert not chosen(steps=10**9)
    with pytest.raises(UsageError, match="no compiler"):
        chosen(compile="on")
    told = Told()
    assert not chosen({"is_compiled": True}, told)
    assert any("no compiler" in str(event) for event in told.events)


def test_whether_it_is_compiled_lies_in_the_checkpoint() -> None:
    state = begin(settings(), 1, "fp32", CPU)
    state.is_compiled = True
    assert scalars(state)["is_compiled"] is True


@pytest.mark.slow
@needs_compiler
@pytest.mark.filterwarnings("ignore")  # the compiler warns of itself
def test_a_compiled_training_that_was_stopped_ends_with_the_same_bits(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    config = settings(steps=6, compile="on", precision="bf16")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    pretrain(config, inputs, context(whole))
    stopping = context(broken)
    stopping.stopping.ask()
    with pytest.raises(KilledError):
        pretrain(config, inputs, stopping)
    # What the config says now does not count any more.
    pretrain(replace(config, compile="off"), inputs, context(broken))
    assert (whole / "model.safetensors").read_bytes() == (broken / "model.safetensors").read_bytes()
    assert json.loads((broken / "training.json").read_text())["compiled"] is True
