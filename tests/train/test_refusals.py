"""What cannot end well is refused before the first step, with what to do instead."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.shard import TOKENS
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.plan.parallel import ParallelPlan
from ingot.train.refusals import refuse_damaged_shards, refuse_divided_texts, refuse_what_cannot_be_published
from ingot.train.run import pretrain
from tests.train.small import MODEL, artifact, context, settings

Inputs = Mapping[str, Artifact]
EXPERTS = ModelConfig(512, 32, 2, 4, 2, 8, 64, experts=4, experts_per_token=2, expert_ffn_width=32)


@pytest.fixture
def copied(inputs: Inputs, tmp_path: Path) -> Inputs:
    return {
        name: artifact(name, Path(shutil.copytree(made.path, tmp_path / "in" / name))) for name, made in inputs.items()
    }


def test_what_no_layout_has_is_refused_before_a_step(inputs: Inputs, tmp_path: Path) -> None:
    for changes, word, fix in (
        ({"shared_experts": 1}, "shared experts", "shared_experts to 0"),
        ({"balance": "bias"}, "balance bias", "leave `balance`"),
    ):
        config = replace(settings(), model=replace(EXPERTS, **changes))
        with pytest.raises(UsageError, match=word) as raised:
            pretrain(config, inputs, context(tmp_path / word))
        assert fix in raised.value.fix
        assert not list((tmp_path / word).rglob("curve.jsonl"))
    refuse_what_cannot_be_published(EXPERTS)


@pytest.mark.parametrize("name", ["context", "pipeline"])
def test_texts_in_pieces_cannot_be_judged(name: str) -> None:
    divided = ParallelPlan(**{name: 2})
    with pytest.raises(UsageError, match=f"{name} = 2") as raised:
        refuse_divided_texts("classification", True, divided)
    assert f"set {name} to 1" in raised.value.fix
    refuse_divided_texts("next_token", False, divided)


def test_shards_with_a_wrong_checksum_are_refused(copied: Inputs, tmp_path: Path) -> None:
    refuse_damaged_shards(copied)
    tokens = copied["shards"].path / "train" / "00000" / TOKENS
    content = bytearray(tokens.read_bytes())
    content[-3] ^= 1
    tokens.write_bytes(content)
    with pytest.raises(InputError, match="not whole") as raised:
        pretrain(settings(), copied, context(tmp_path / "model"))
    assert str(tokens) in raised.value.where
    assert "made anew" in raised.value.fix
    refuse_damaged_shards(copied, rank=1, ranks=2)  # another rank's to find


def test_shards_of_another_tokenizer_are_refused(copied: Inputs, tmp_path: Path) -> None:
    path = copied["tokenizer"].path / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["merges"].pop()
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="another tokenizer") as raised:
        pretrain(settings(), copied, context(tmp_path / "model"))
    assert "tokenise again" in raised.value.fix
    assert MODEL.vocabulary == 512
