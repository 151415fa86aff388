"""What answers earn, against a slow reference: each prompt read alone, token by token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ingot.core.errors import UsageError
from ingot.flow.artifact import Artifact
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from ingot.train.earning import FILE, Config, answer, earning
from ingot.train.judging import kept_reward
from ingot.train.trying import Config as TryingConfig
from ingot.train.trying import tokenize
from tests.data.labelled import reading, snapshot
from tests.train.small import artifact, context
from tests.train.sums import ROW, SUMS


@pytest.fixture
def inputs(sums: Mapping[str, Artifact], tmp_path: Path) -> Mapping[str, Artifact]:
    rows = [{"prompt": f"{a}+{b}=", "answer": a + b} for a, b in SUMS]
    config = TryingConfig(ROW, 0.2, reward="likeness")
    facts = tokenize(config, sums, reading(tmp_path / "shards", snapshot(tmp_path / "prompts.jsonl", rows)))
    shards = artifact("shards", tmp_path / "shards")
    return {**sums, "shards": replace(shards, record=replace(shards.record, facts=facts)), "checkpoint": sums["start"]}


def slowly(decoder: Decoder, asked: str, codec: Codec, tokens: int) -> str:
    ids = render([{"role": "user", "content": asked}], codec, add_generation_prompt=True).ids
    said: list[int] = []
    for _ in range(tokens):
        with torch.no_grad():
            best = int(decoder.logits(decoder(torch.tensor([[*ids, *said]])))[0, -1, : codec.vocabulary].argmax())
        if best in (codec.eos, codec.end_of_turn):
            break
        said.append(best)
    return codec.decode(said)


def test_the_likeliest_answers_are_written_with_what_they_are_worth(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    facts = answer(Config(answer_tokens=5), inputs, context(tmp_path / "answers"))
    lines = [json.loads(line) for line in (tmp_path / "answers" / FILE).read_text().splitlines()]
    assert 2 <= len(lines) == facts["prompts"] < len(SUMS)
    codec, decoder = Codec.load(inputs["tokenizer"].path), load(inputs["start"].path).eval()
    judge = kept_reward(inputs["shards"].path)
    for line in lines[:3]:
        a, b = SUMS[int(line["where"].rpartition(":")[2]) - 1]
        said = slowly(decoder, f"{a}+{b}=", codec, 5)
        assert line["expected"] == str(a + b)
        assert line["before"] == line["after"] == {"answer": said, "reward": judge("", str(a + b), [said])[0]}


def test_the_hook_gives_the_mean_of_prompts_kept_aside(inputs: Mapping[str, Artifact], tmp_path: Path) -> None:
    answer(Config(answer_tokens=16), inputs, context(tmp_path / "answers"))
    lines = [json.loads(line) for line in (tmp_path / "answers" / FILE).read_text().splitlines()]
    found = earning(load(inputs["start"].path).eval(), 0, inputs, context(tmp_path / "hook"))
    assert found["held_out_reward"] == pytest.approx(sum(line["after"]["reward"] for line in lines) / len(lines))


def test_an_answer_needs_a_token() -> None:
    with pytest.raises(UsageError, match="answer_tokens"):
        Config(answer_tokens=0)
