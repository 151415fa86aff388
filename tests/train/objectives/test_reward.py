"""A number for every answer: against the slow formula, and learned so that unseen better answers get higher ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from ingot.core.errors import InputError, UsageError
from ingot.data.preferences import Config as PreferencesConfig
from ingot.data.preferences import tokenize
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.flow.artifact import Artifact
from ingot.infer.reward import RewardModel
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.config import AdapterConfig, PretrainConfig
from ingot.train.heads import head_of
from ingot.train.objective import Given, pieces
from ingot.train.objectives.reward import Config, head, loss, reward_losses
from ingot.train.run import pretrain
from tests.data.labelled import reading, snapshot
from tests.infer.tiny_model import make_model
from tests.train.small import artifact, context, settings

Inputs = Mapping[str, Artifact]
ROW = 128
TALKS = [(f"Where is {number}?", f"Gladly: {number}.", f"Go away, {number}.") for number in range(60)]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    place = tmp_path_factory.mktemp("reward")
    (place / "tokenizer").mkdir()
    write(learn([" ".join(each) for each in TALKS] * 3, 384), place / "tokenizer")
    given = {"tokenizer": artifact("tokenizer", place / "tokenizer")}
    rows = [
        {"prompt": asked, "chosen": good, "rejected": bad, "score_chosen": number + 2, "score_rejected": 1}
        for number, (asked, good, bad) in enumerate(TALKS)
    ]
    framing = PreferencesConfig(row_tokens=ROW, held_out_share=0.2)
    tokenize(framing, given, reading(place / "shards", snapshot(place / "pairs.jsonl", rows)))
    return {**given, "shards": artifact("shards", place / "shards")}


def config(inputs: Inputs, **changes: object) -> PretrainConfig:
    sizes = ModelConfig(
        Codec.load(inputs["tokenizer"].path).vocabulary,
        **{"width": 32, "layers": 2, "heads": 4, "kv_heads": 2, "head_width": 8, "ffn_width": 64, "context": ROW},
    )
    usual = {"steps": 30, "sequence_length": ROW, "learning_rate": 3e-3, "objective": "reward"}
    usual |= {"hooks": ("ingot.evaluate.rewarding:rewarding",)}
    return PretrainConfig(**{**vars(settings(**usual)), "model": sizes, **changes})


def test_packed_rows_give_the_loss_of_conversations_read_one_by_one(inputs: Inputs) -> None:
    given = Given({name: made.path for name, made in inputs.items()})
    options = Config(margin=0.1, centre=0.05)
    decoder = head(options, given).put_on(Decoder(config(inputs).model), seed=3)
    batch = next(
        pieces(Stream(Shards.open(inputs["shards"].path, "train"), 3, ROW, 0).batch(0), 1, torch.device("cpu"))
    )
    made = loss(decoder, batch, options, given)
    read = {given.codec.decode([t for t in row if t != given.codec.pad]) for row in batch.tokens_BT.tolist()}
    total, count = 0.0, 0
    for number, (asked, *answers) in enumerate(TALKS):
        if not any(f"user\n{asked}" in row for row in read):
            continue
        numbers = []
        for answer in answers:
            talk = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
            ids = [*render(talk, given.codec).ids, given.codec.eos]
            with torch.no_grad():
                numbers.append(float(decoder(torch.tensor([ids]))[0, -1] @ decoder.score.weight[0]))
        told = math.log1p(math.exp(-(numbers[0] - numbers[1] - 0.1 * (number + 1))))
        total, count = total + told + 0.05 * (numbers[0] + numbers[1]) ** 2, count + 1
    assert made.count == count > 2
    assert float(made.total.detach()) == pytest.approx(total, rel=1e-5)


def test_it_learns_a_number_that_transformers_reads_too(inputs: Inputs, tmp_path: Path) -> None:
    # So easy that the gradient grows fifteenfold in three steps, which is no accident here.
    facts = pretrain(config(inputs, spike_factor=0.0), inputs, context(tmp_path))
    assert facts["final_loss"] < math.log(2) / 2
    assert facts["reward_accuracy"] > 0.9
    assert facts["reward_difference"] > 0.5
    model, given = RewardModel(tmp_path), AutoModelForSequenceClassification.from_pretrained(tmp_path)
    for asked, *answers in [("Where is 99?", "Gladly: 99.", "Go away, 99.")]:
        talks = [[{"role": "user", "content": asked}, {"role": "assistant", "content": text}] for text in answers]
        better, worse = (model.score(talk) for talk in talks)
        assert better > worse
        ids = torch.tensor([[*render(talks[0], model.codec).ids, model.codec.eos]])
        with torch.no_grad():
            assert float(given(ids).logits) == pytest.approx(better, abs=1e-4)
    with pytest.raises(InputError, match="the model reads 128"):
        model.score([{"role": "user", "content": "x" * 500}])


def test_what_it_cannot_do_is_said(inputs: Inputs, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="margin is -1"):
        Config(margin=-1)
    with pytest.raises(UsageError, match="adapters cannot be trained"):
        head_of(config(inputs, adapters=AdapterConfig(2)), inputs)
    with pytest.raises(InputError, match="does not tell classes apart"):
        RewardModel(make_model(tmp_path / "model"))


def test_a_difference_of_nothing_costs_log_2() -> None:
    found = reward_losses(torch.tensor([[1.0, 1.0], [2.0, 1.0]]), torch.tensor([0.0, 1.0]), Config())
    torch.testing.assert_close(found, torch.full((2,), math.log(2)))
