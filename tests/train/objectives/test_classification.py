"""From labelled lines to a model that transformers opens and that tells unseen texts apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, pipeline

from ingot.core.errors import InputError, UsageError
from ingot.data.labels import Config as LabelsConfig
from ingot.data.labels import tokenize
from ingot.data.stream import IGNORED
from ingot.flow.artifact import Artifact
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.config import PretrainConfig
from ingot.train.objective import Given, TensorBatch
from ingot.train.objectives.classification import Config, head, loss
from ingot.train.run import pretrain
from tests.data.labelled import TOPICS, reading, sentences, snapshot
from tests.train.parallel import together
from tests.train.small import artifact, context, settings

Inputs = Mapping[str, Artifact]
KNOWN = sentences(400)
MODEL = ModelConfig(384, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=64, context=64)
UNTIED = ModelConfig(384, 32, 2, 4, 2, 8, 64, has_tied_embeddings=False, context=64)


def config(**changes: object) -> PretrainConfig:
    usual = {"steps": 60, "sequence_length": 64, "learning_rate": 3e-3, "objective": "classification"}
    given = vars(settings(**{**usual, "hooks": ("ingot.evaluate.judging:classes",)}))
    return PretrainConfig(**{**given, "model": MODEL, **changes})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    place = tmp_path_factory.mktemp("labelled")
    (place / "tokenizer").mkdir()
    write(learn([text for text, _ in KNOWN] * 3, 384), place / "tokenizer")
    given = {"tokenizer": artifact("tokenizer", place / "tokenizer")}
    source = snapshot(place / "examples.jsonl", [{"text": text, "label": label} for text, label in KNOWN])
    tokenize(LabelsConfig(row_tokens=64), given, reading(place / "shards", source))
    return {**given, "shards": artifact("shards", place / "shards")}


@pytest.fixture(scope="module")
def trained(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, object]]:
    folder = tmp_path_factory.mktemp("classifier")
    return folder, pretrain(config(), inputs, context(folder))


def test_it_learns_the_classes_and_says_how_well(trained: tuple[Path, Mapping[str, float]]) -> None:
    folder, facts = trained
    assert facts["macro_f1"] > 0.9
    assert facts["accuracy"] > 0.9
    told = json.loads((folder / "classes.json").read_text())
    assert sorted(told) == sorted(TOPICS)
    assert sum(each["examples"] for each in told.values()) > 10
    losses = [json.loads(line)["loss"] for line in (folder / "curve.jsonl").read_text().splitlines()]
    assert losses[0] == pytest.approx(torch.tensor(3.0).log().item(), abs=0.2)


def test_a_pipeline_of_transformers_reads_texts_as_the_training_did(
    trained: tuple[Path, Mapping[str, float]], inputs: Inputs
) -> None:
    folder, _ = trained
    codec = Codec.load(inputs["tokenizer"].path)
    ids = AutoTokenizer.from_pretrained(folder)("the storm")["input_ids"]
    assert ids == [codec.bos, *codec.encode("the storm"), codec.eos]
    judge = pipeline("text-classification", model=str(folder), tokenizer=str(folder))
    unseen = sentences(60, seed=9)
    found = judge([text for text, _ in unseen], batch_size=8)
    right = [each["label"] == label for each, (_, label) in zip(found, unseen, strict=True)]
    assert sum(right) >= 54


def test_it_is_the_surprise_of_the_right_class(inputs: Inputs) -> None:
    codec = Codec.load(inputs["tokenizer"].path)
    given = Given({name: made.path for name, made in inputs.items()})
    torch.manual_seed(0)
    decoder = head(Config(), given).put_on(Decoder(MODEL))
    labels = json.loads((inputs["shards"].path / "labels.json").read_text())["tokens"]
    texts = [codec.encode(text) for text in ("a storm", "the loan again")]
    row = [codec.bos, *texts[0], codec.eos, labels[2], codec.bos, *texts[1], codec.eos, labels[0], codec.pad]
    border = len(texts[0]) + 3
    segments = torch.tensor([[0] * border + [1] * (len(row) - border)])
    targets = torch.tensor([[*row[1:], IGNORED]])
    targets[0, border - 1] = IGNORED
    made = loss(decoder, TensorBatch(torch.tensor([row]), targets, segments), Config(), given)
    slow = 0.0
    for text, right in zip(texts, (2, 0), strict=True):
        hidden = decoder(torch.tensor([[codec.bos, *text, codec.eos]]))[0, -1]
        slow -= torch.log_softmax(hidden @ decoder.score.weight.T, -1)[right]
    assert made.count == 2
    torch.testing.assert_close(made.total, slow)


def test_a_head_of_its_own_goes_and_a_restart_finds_the_classes(inputs: Inputs, tmp_path: Path) -> None:
    facts = pretrain(config(model=UNTIED, steps=3, average_decay=0.9), inputs, context(tmp_path / "model"))
    assert 0 <= facts["macro_f1"] <= 1
    written = (tmp_path / "model/config.json").read_text()
    assert "Qwen3ForSequenceClassification" in written


def test_what_does_not_fit_is_refused(inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="whole examples") as raised:
        pretrain(config(sequence_length=48), inputs, context(tmp_path / "length"))
    assert "row_tokens" in raised.value.fix
    unlabelled = {"tokenizer": inputs["tokenizer"]}
    with pytest.raises(UsageError, match=r"no input has a labels\.json") as missing:
        pretrain(config(), unlabelled, context(tmp_path / "labels"))
    assert "ingot.data.labels:tokenize" in missing.value.fix


@pytest.mark.slow
def test_processes_share_the_head(inputs: Inputs, tmp_path: Path) -> None:
    few = config(steps=6, learning_rate=1e-3)
    pretrain(few, inputs, context(tmp_path / "alone"))
    together.train(together.request(tmp_path / "shared", inputs, few, 2))
    assert together.losses(tmp_path / "shared") == pytest.approx(together.losses(tmp_path / "alone"), abs=1e-5)
    assert (tmp_path / "shared/config.json").read_text() == (tmp_path / "alone/config.json").read_text()
