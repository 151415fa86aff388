"""How often the better answer gains, against a slow reference: each answer read alone, its logits all at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from ingot.data.preferences import Config, tokenize
from ingot.evaluate.config import PreferringConfig
from ingot.evaluate.intervals import wilson
from ingot.evaluate.preferring import preferring, report
from ingot.flow.artifact import Artifact
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from tests.data.labelled import reading, snapshot
from tests.infer.tiny_model import make_model, make_variant
from tests.train.small import Told, artifact, context

TRIPLES = [(f"say {number}", f"def {number}", f"class {number}: pass") for number in range(14)]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Artifact]:
    place = tmp_path_factory.mktemp("preferring")
    start = make_model(place / "start")
    after = make_variant(start, place / "checkpoint")
    decoder = load(after)
    with torch.no_grad():
        decoder.norm.weight.mul_(1.5)
    torch.manual_seed(1)
    codec = Codec.load(start)
    save(decoder, after, SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    given = {name: artifact(name, place / name) for name in ("start", "checkpoint")}
    given["tokenizer"] = artifact("tokenizer", start)
    rows = [{"prompt": asked, "chosen": chosen, "rejected": rejected} for asked, chosen, rejected in TRIPLES]
    tokenize(Config(96, 0.5), given, reading(place / "shards", snapshot(place / "pairs.jsonl", rows)))
    return {**given, "shards": artifact("shards", place / "shards")}


def slow(decoder: Decoder, codec: Codec, asked: str, said: str) -> float:
    """Return the log-probability of an answer, from its ids and logits by the book."""
    rendered = render([{"role": "user", "content": asked}, {"role": "assistant", "content": said}], codec)
    with torch.no_grad():
        logs = torch.log_softmax(decoder.logits(decoder(torch.tensor([rendered.ids]))[0]).double(), -1)
    places = [place for place, is_said in enumerate(rendered.trained) if is_said]
    return sum(float(logs[place - 1, rendered.ids[place]]) for place in places)


def test_the_report_keeps_every_pair_and_its_figures_have_intervals(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    facts = report(PreferringConfig(), inputs, context(tmp_path))
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert 2 <= facts["pairs"] == len(lines) < len(TRIPLES)
    codec = Codec.load(inputs["tokenizer"].path)
    before, after = (load(inputs[name].path).eval() for name in ("start", "checkpoint"))
    for line in lines:
        asked, *answers = TRIPLES[int(line["id"].rpartition(":")[2]) - 1]
        expected = [slow(decoder, codec, asked, answer) for decoder in (before, after) for answer in answers]
        assert line["weights"] == pytest.approx(expected, abs=1e-3)
        margin = (expected[2] - expected[0]) - (expected[3] - expected[1])
        assert line["scores"]["margin"] == pytest.approx(margin, abs=2e-3)
    gained = sum(line["scores"]["accuracy"] for line in lines)
    interval = wilson(int(gained), len(lines))
    assert facts["preference_accuracy"] == pytest.approx(interval.value, abs=1e-6)
    assert facts["preference_accuracy_interval"] == pytest.approx([interval.low, interval.high], abs=1e-6)
    low, high = facts["metrics"]["margin"]["low"], facts["metrics"]["margin"]["high"]
    assert low < facts["preference_margin"] < high


def test_the_hook_tells_the_same_while_training(inputs: Mapping[str, Artifact], tmp_path: Path) -> None:
    facts = report(PreferringConfig(), inputs, context(tmp_path))
    found = preferring(load(inputs["checkpoint"].path).eval(), 3, inputs, context(tmp_path))
    assert found["preference_accuracy"] == pytest.approx(facts["preference_accuracy"])
    assert found["preference_margin"] == pytest.approx(facts["preference_margin"], abs=1e-4)


def test_without_held_out_pairs_nothing_is_told_and_that_is_said(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [{"prompt": "a", "chosen": "b", "rejected": "c"}]
    tokenize(Config(96, 0.0), inputs, reading(tmp_path / "shards", snapshot(tmp_path / "pairs.jsonl", rows)))
    given, told = {**inputs, "shards": artifact("shards", tmp_path / "shards")}, Told()
    assert preferring(load(inputs["start"].path).eval(), 0, given, context(tmp_path)) == {}
    assert report(PreferringConfig(), given, context(tmp_path / "report", told)) == {"pairs": 0, "metrics": {}}
    assert "nobody has measured" in told.of("warning")[0]["text"]
