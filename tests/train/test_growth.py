"""Grown models answer as the small ones did, can be opened by others, and their new parts learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.train.config import GrowConfig
from ingot.train.growth import deeper, grow, wider, with_experts
from ingot.train.run import pretrain
from tests.train.small import MODEL, artifact, context, settings
from tests.train.test_beginning import model_folder

UNTIED = replace(MODEL, has_tied_embeddings=False, has_qk_norm=False)
MIXTURE = replace(MODEL, experts=4, experts_per_token=2, expert_ffn_width=24, dense_layers=(0,))
KINDS = pytest.mark.parametrize("model", [MODEL, UNTIED, MIXTURE], ids=["tied", "untied", "mixture"])
TOKENS = torch.randint(512, (2, 40), generator=torch.Generator().manual_seed(0))


def drawn(model: ModelConfig) -> Decoder:
    """A decoder in which every weight matters, norms as well."""
    torch.manual_seed(0)
    decoder = Decoder(model)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.1 + (parameter.ndim == 1))
    return decoder


def logits(decoder: Decoder) -> torch.Tensor:
    with torch.no_grad():
        return decoder.logits(decoder(TOKENS))


@KINDS
@pytest.mark.parametrize("more", [1, 2])
def test_deeper_is_the_same_to_the_bit(model: ModelConfig, more: int) -> None:
    small = drawn(model)
    grown = deeper(small, more)
    assert grown.config.layers == 2 + more
    assert torch.equal(logits(grown), logits(small))


def test_windows_stay_with_their_layers() -> None:
    windowed = replace(MODEL, layers=3, sliding_window=4, full_attention_layers=(1,))
    small = drawn(windowed)
    grown = deeper(small, 3)
    assert grown.config.full_attention_layers == (2, 3)
    assert torch.equal(logits(grown), logits(small))


@KINDS
@pytest.mark.parametrize("factor", [2, 3])
def test_wider_has_the_same_logits(model: ModelConfig, factor: int) -> None:
    small = drawn(model)
    grown = wider(small, factor, torch.Generator().manual_seed(1))
    assert (grown.config.width, grown.config.heads) == (model.width * factor, model.heads * factor)
    torch.testing.assert_close(logits(grown), logits(small), atol=2e-5, rtol=1e-4)


def test_copies_do_not_stay_copies() -> None:
    grown = wider(drawn(MODEL), 2, torch.Generator().manual_seed(1))
    grown.logits(grown(TOKENS)).square().mean().backward()
    up = grown.layers[0].mlp.up_proj.weight.grad
    one, other = up[: MODEL.ffn_width], up[MODEL.ffn_width :]
    assert float((one - other).norm() / one.norm()) > 0.01


def test_experts_that_agree_answer_as_the_dense_model() -> None:
    for model in (MODEL, UNTIED):
        small = drawn(model)
        mixture = with_experts(small, 4, 2, torch.Generator().manual_seed(1))
        assert mixture.config.layout == ("qwen3_moe" if model.has_qk_norm else "mixtral")
        torch.testing.assert_close(logits(mixture), logits(small), atol=2e-5, rtol=1e-4)
        load_E = mixture.expert_load()
        assert (load_E.sum(0) > 0).all()


def test_what_cannot_grow_is_refused() -> None:
    with pytest.raises(UsageError, match="3 new layers"):
        deeper(drawn(MODEL), 3)
    with pytest.raises(InputError, match="experts already"):
        with_experts(drawn(MIXTURE), 8, 2, torch.Generator())
    with pytest.raises(UsageError, match="width_factor"):
        GrowConfig(width_factor=0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_step_writes_a_folder_that_others_open_and_that_trains_on(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    start = artifact("start", model_folder(tmp_path / "start", inputs["tokenizer"].path))
    facts: Any = grow(GrowConfig(layers=1, width_factor=2, experts=4), {"start": start}, context(tmp_path / "grown"))
    grown = load(tmp_path / "grown")
    assert facts["parameters"] == grown.config.parameters
    torch.testing.assert_close(logits(grown), logits(load(start.path)), atol=2e-5, rtol=1e-4)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "grown", dtype=torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(theirs(TOKENS).logits, logits(grown), atol=1e-5, rtol=1e-4)
    given = {**inputs, "start": artifact("start", tmp_path / "grown")}
    trained: Any = pretrain(replace(settings(steps=3), model=grown.config), given, context(tmp_path / "trained"))
    assert trained["steps"] == 3
