"""Rated answers against the paper's formula written out, and learned by a real training."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.data.ratings import Config as RatingsConfig
from ingot.data.ratings import tokenize
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.convert import load as load_decoder
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.config import PretrainConfig
from ingot.train.objective import Given, TensorBatch, pieces
from ingot.train.objectives.rating import Config, loss
from ingot.train.publishing import copy_tokenizer
from ingot.train.ratings import ratings_in
from ingot.train.reference import Config as ReferenceConfig
from ingot.train.reference import score
from ingot.train.run import pretrain
from tests.data.labelled import reading, snapshot
from tests.train.small import artifact, context, settings

ROW = 256
MODEL = ModelConfig(384, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=64, context=ROW)
ROWS: list[dict[str, Any]] = [
    {"prompt": f"What is {n}?", "completion": f"Gladly: {n}." if n % 2 else f"Leave me, {n}.", "label": n % 2 == 1}
    for n in range(48)
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Artifact]:
    place = tmp_path_factory.mktemp("ratings")
    for name in ("tokenizer", "start"):
        (place / name).mkdir()
    write(learn([" ".join(row["prompt"] + row["completion"] for row in ROWS)] * 3, 384), place / "tokenizer")
    codec = Codec.load(place / "tokenizer")
    torch.manual_seed(3)
    model = Decoder(replace(MODEL, vocabulary=codec.vocabulary))
    save(model, place / "start", SpecialTokens(codec.bos, (codec.eos,), codec.pad))
    copy_tokenizer(place / "tokenizer", place / "start")
    given = {name: artifact(name, place / name) for name in ("tokenizer", "start")}
    source = snapshot(place / "ratings.jsonl", ROWS)
    tokenize(RatingsConfig(ROW, 0.0), given, reading(place / "shards", source))
    given["shards"] = artifact("shards", place / "shards")
    score(ReferenceConfig(ROW, precision="fp32"), given, context(place / "reference"))
    return {**given, "reference": artifact("reference", place / "reference")}


@pytest.fixture
def given(inputs: Mapping[str, Artifact]) -> Given:
    return Given({name: made.path for name, made in inputs.items()})


@pytest.fixture
def batch(inputs: Mapping[str, Artifact]) -> TensorBatch:
    stream = Stream(Shards.open(inputs["shards"].path, "train"), 3, ROW, 0)
    return next(pieces(stream.batch(0), 1, torch.device("cpu")))


def moved(given: Given, towards: float) -> Decoder:
    """Return a model that has moved away from its reference."""
    decoder = load_decoder(given.folder("start", ""))
    torch.manual_seed(5)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.add_(torch.randn_like(weight) * 0.02).mul_(towards)
    return decoder


def slowly(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Tensor:
    """Read every text alone under both models, and write the formula out."""
    start, codec = load_decoder(given.folder("start", "")), given.codec
    rated = ratings_in(batch, codec, ROW)

    def gained(text: Any) -> Tensor:
        prompt, answer = text
        ids = torch.tensor([[*prompt, *answer]])
        both = [model.logits(model(ids))[0].log_softmax(-1) for model in (decoder, start)]
        places = range(len(prompt) - 1, ids.size(1) - 1)
        return torch.stack([both[0][at, ids[0, at + 1]] - both[1][at, ids[0, at + 1]].detach() for at in places]).sum()

    total = torch.zeros(())
    for row in set(rated.row_A):
        mine = [at for at, of in enumerate(rated.row_A) if of == row]
        foreign = [gained(rated.foreign[at]).detach() for at in mine if rated.foreign[at]]
        distance = max(float(sum(foreign)) / len(foreign), 0.0) if foreign else 0.0
        for at in mine:
            is_good = "Gladly" in codec.decode(list(rated.texts[at][1]))
            sign, weight = (1, config.good_weight) if is_good else (-1, config.bad_weight)
            total = total + weight * (
                1 - 1 / (1 + torch.exp(-config.beta * sign * (gained(rated.texts[at]) - distance)))
            )
    return total


@pytest.mark.parametrize("towards", [0.9, 1.4], ids=["nearer", "further"])
def test_loss_and_gradient_are_those_of_texts_read_one_by_one(towards: float, batch: TensorBatch, given: Given) -> None:
    decoder, config = moved(given, towards), Config(beta=0.3, good_weight=1.0, bad_weight=1.5)
    made, wanted = loss(decoder, batch, config, given), slowly(decoder, batch, config, given)
    assert made.count == len(ratings_in(batch, given.codec, ROW).texts) > 6
    torch.testing.assert_close(made.total, wanted, atol=1e-4, rtol=1e-5)
    mine = torch.autograd.grad(made.total / made.count, list(decoder.parameters()))
    theirs = torch.autograd.grad(wanted / made.count, list(decoder.parameters()))
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)


def test_a_training_begins_at_a_half_and_tells_good_from_bad(
    inputs: Mapping[str, Artifact], given: Given, tmp_path: Path
) -> None:
    usual = settings(sequence_length=ROW, objective="rating", steps=12, learning_rate=5e-3, precision="fp32")
    config = PretrainConfig(**{**vars(usual), "model": replace(MODEL, vocabulary=given.codec.vocabulary)})
    pretrain(config, inputs, context(tmp_path / "work"))
    lines = [json.loads(line) for line in (tmp_path / "work/curve.jsonl").read_text().splitlines()]
    assert lines[0]["loss"] == pytest.approx(0.5, abs=1e-4)
    assert lines[0]["distance"] == pytest.approx(0, abs=1e-4)
    assert lines[-1]["loss"] < 0.45
    assert all(math.isfinite(line["distance"]) and line["distance"] >= 0 for line in lines)


def test_answers_without_a_rating_are_refused(
    inputs: Mapping[str, Artifact], batch: TensorBatch, tmp_path: Path
) -> None:
    (tmp_path / "ratings.json").write_text("{}")
    folders = {name: made.path for name, made in inputs.items()} | {"shards": tmp_path}
    given = Given(folders)
    with pytest.raises(InputError, match="no rating"):
        loss(moved(given, 1.0), batch, Config(), given)


@pytest.mark.parametrize(("option", "value"), [("beta", 0.0), ("good_weight", -1.0), ("bad_weight", -0.1)])
def test_settings_that_cannot_work_are_refused(option: str, value: float) -> None:
    with pytest.raises(UsageError, match=option):
        Config(**{option: value})
