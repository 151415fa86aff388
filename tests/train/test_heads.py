"""A head goes with its objective alone, and what is written frames texts for other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from ingot.core.errors import UsageError
from ingot.flow.artifact import Artifact
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.train.config import AdapterConfig
from ingot.train.heads import head_of, publish_head
from ingot.train.publishing import copy_tokenizer
from tests.train.small import MODEL, settings

Inputs = Mapping[str, Artifact]


def test_only_objectives_that_judge_have_one(inputs: Inputs) -> None:
    assert head_of(settings(), inputs) is None
    assert head_of(settings(objective="embedding"), inputs) is not None
    with pytest.raises(UsageError, match="adapters cannot be trained") as raised:
        head_of(settings(objective="embedding", adapters=AdapterConfig(rank=2)), inputs)
    assert "lower learning_rate" in raised.value.fix


@pytest.mark.parametrize("keeps_settings", [True, False])
def test_the_tokenizer_puts_both_marks_around_a_text(inputs: Inputs, tmp_path: Path, keeps_settings: bool) -> None:
    head, codec = head_of(settings(objective="embedding"), inputs), Codec.load(inputs["tokenizer"].path)
    assert head is not None
    copy_tokenizer(inputs["tokenizer"].path, tmp_path)
    if not keeps_settings:
        (tmp_path / "tokenizer_config.json").unlink()
    publish_head(head, head.put_on(Decoder(MODEL)), codec, tmp_path, 40)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    long = "def f(x): return x " * 20
    assert theirs("def f")["input_ids"] == [codec.bos, *codec.encode("def f"), codec.eos]
    cut = theirs(long, truncation=True)["input_ids"]
    assert (len(cut), cut[0], cut[-1]) == (40, codec.bos, codec.eos)
    assert json.loads((tmp_path / "config.json").read_text())["pad_token_id"] == codec.pad
