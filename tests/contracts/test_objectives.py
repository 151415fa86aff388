"""Every objective, unlisted, can drive the trainer: a differentiable sum over a count, the same for the same batch."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ingot.core.config import load, schema
from ingot.core.plugins import Plugin, names
from ingot.core.plugins import load as load_plugin
from ingot.data.stream import IGNORED
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.convert import load as load_decoder
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.objective import Given, Objective, TensorBatch, bind
from ingot.train.publishing import copy_tokenizer
from ingot.train.ratings import ratings_in
from ingot.train.reference import rating_scores_of, scores_of, write_reference

VOCABULARY = 384
LABELS = [300, 301, 302]
CONFIG = ModelConfig(VOCABULARY, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=48)


@pytest.fixture(params=names("objective"))
def plugin(request: pytest.FixtureRequest) -> Plugin:
    return load_plugin("objective", request.param)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """Everything an objective may ask a training for."""
    tokenizer, teacher, shards = (tmp_path_factory.mktemp(name) for name in ("tokenizer", "teacher", "shards"))
    (shards / "labels.json").write_text(json.dumps({"names": ["one", "other", "third"], "tokens": LABELS}))
    write(learn(["What is asked, and what is said to it. " * 20], VOCABULARY), tokenizer)
    vocabulary = Codec.load(tokenizer).vocabulary
    torch.manual_seed(1)
    save(Decoder(replace(CONFIG, vocabulary=vocabulary)), teacher, SpecialTokens(0, (1,), 2))
    copy_tokenizer(tokenizer, teacher)
    codec = Codec.load(tokenizer)
    rated = ratings_in(whole_rows(codec), codec, 1024)
    told = {key.hex(): place % 2 == 0 for place, key in enumerate(rated.keys)}
    (shards / "ratings.json").write_text(json.dumps(told))
    reference = tmp_path_factory.mktemp("reference")
    inputs = {"tokenizer": tokenizer, "teacher": teacher, "shards": shards, "start": teacher, "reference": reference}
    given = Given(inputs)
    read = [each(load_decoder(teacher), [whole_rows(codec)], codec) for each in (scores_of, rating_scores_of)]
    write_reference({name: torch.cat([each[name] for each in read]) for name in read[0]}, teacher, reference)
    return given


@pytest.fixture
def objective(plugin: Plugin, given: Given) -> Objective:
    return bind(plugin.entry, load(plugin.config_type, {}, plugin.name), given)


@pytest.fixture
def decoder(given: Given, plugin: Plugin) -> Decoder:
    torch.manual_seed(0)
    decoder, head = Decoder(replace(CONFIG, vocabulary=given.codec.vocabulary)), plugin.other("head")
    return head(load(plugin.config_type, {}, plugin.name), given).put_on(decoder) if head else decoder


@pytest.fixture
def batch(given: Given) -> TensorBatch:
    return whole_rows(given.codec)


def whole_rows(codec: Codec) -> TensorBatch:
    """Return rows of four conversations, all whole and labelled: what every objective can learn from."""
    random = torch.Generator().manual_seed(0)
    asked = [{"role": "user", "content": "What is asked"}]
    said = render([*asked, {"role": "assistant", "content": "what is said"}], codec)
    opened = render(asked, codec, add_generation_prompt=True).ids
    rows: list[list[int]] = []
    targets: list[list[int]] = []
    segments: list[list[int]] = []
    for row in range(4):
        texts = torch.randint(64, codec.vocabulary - 64, (3, 18), generator=random).tolist()
        documents = [said.ids, *([*opened, *text, codec.end_of_turn] for text in texts)]
        framed = [[*ids, codec.eos, LABELS[(row + at) % 3]] for at, ids in enumerate(documents)]
        rows.append([token for ids in framed for token in ids])
        targets.append([target for ids in framed for target in (*ids[1:], IGNORED)])
        segments.append([at for at, ids in enumerate(framed) for _ in ids])
    return TensorBatch(torch.tensor(rows), torch.tensor(targets), torch.tensor(segments).int())


def part(whole: TensorBatch, rows: slice) -> TensorBatch:
    return TensorBatch(whole.tokens_BT[rows], whole.targets_BT[rows], whole.segments_BT[rows])


def test_its_settings_have_defaults_and_a_schema(plugin: Plugin) -> None:
    assert dataclasses.is_dataclass(plugin.config_type)
    assert schema(plugin.config_type)["type"] == "object"
    assert plugin.summary


def test_its_head_if_it_has_one_is_drawn_from_the_seed(plugin: Plugin, given: Given) -> None:
    make = plugin.other("head")
    if make is None:
        return
    head, config = make(load(plugin.config_type, {}, plugin.name), given), replace(CONFIG, has_tied_embeddings=False)
    one, same, other = (head.put_on(Decoder(config), seed) for seed in (1, 1, 2))
    first = head.first_weights(config.width, 1)
    assert all(torch.equal(one.state_dict()[name], weight) for name, weight in first.items())
    assert all(torch.equal(same.state_dict()[name], weight) for name, weight in first.items())
    assert not any(torch.equal(other.state_dict()[name], weight) for name, weight in first.items())
    with torch.device("meta"):
        assert all(parameter.is_meta for parameter in head.put_on(Decoder(config)).parameters())


def test_its_head_if_it_has_one_is_written_as_a_model_folder(plugin: Plugin, given: Given, tmp_path: Path) -> None:
    make = plugin.other("head")
    if make is not None:
        head = make(load(plugin.config_type, {}, plugin.name), given)
        head.save(head.put_on(Decoder(CONFIG)), tmp_path, SpecialTokens(0, (1,), 2), 64)
        assert {"config.json", "model.safetensors"} <= {path.name for path in tmp_path.iterdir()}


def test_it_returns_one_number_and_a_count(objective: Objective, decoder: Decoder, batch: TensorBatch) -> None:
    loss = objective(decoder, batch)
    assert loss.total.shape == ()
    assert loss.total.dtype == torch.float32
    assert torch.isfinite(loss.total)
    assert loss.count > 0


def test_its_gradient_reaches_every_weight(objective: Objective, decoder: Decoder, batch: TensorBatch) -> None:
    total: Any = objective(decoder, batch).total
    total.backward()
    unreached = [n for n, p in decoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert unreached == []


def test_it_is_a_sum_over_rows(objective: Objective, decoder: Decoder, batch: TensorBatch) -> None:
    whole = objective(decoder, batch)
    halves = [objective(decoder, part(batch, rows)) for rows in (slice(0, 2), slice(2, 4))]
    assert whole.count == sum(half.count for half in halves)
    torch.testing.assert_close(whole.total, halves[0].total + halves[1].total)
    for name in whole.metrics:
        assert whole.metrics[name] == pytest.approx(sum(half.metrics[name] for half in halves))


def test_the_same_batch_gives_the_same_loss_and_is_left_alone(
    objective: Objective, decoder: Decoder, batch: TensorBatch
) -> None:
    tokens, targets = batch.tokens_BT.clone(), batch.targets_BT.clone()
    first, second = objective(decoder, batch), objective(decoder, batch)
    assert torch.equal(first.total, second.total)
    assert torch.equal(batch.tokens_BT, tokens)
    assert torch.equal(batch.targets_BT, targets)
