"""The assistant's words are learned, one by one and no other, however a row is cut."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ingot.core.storage import sha256_file
from ingot.data.conversations import Config as TokenizeConfig
from ingot.data.conversations import tokenize
from ingot.data.stream import IGNORED
from ingot.flow.source import Snapshot, SourceItem
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import Message, render
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.objective import Given, TensorBatch
from ingot.train.objectives.supervised import Config, loss, masked
from ingot.train.run import pretrain
from tests.train.small import MODEL, artifact, context, settings

TALK: list[Message] = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "How many days has May?\nassistant\n"},
    {"role": "assistant", "content": "31."},
    {"role": "user", "content": "And June?"},
    {"role": "assistant", "content": "30, one fewer."},
]


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(learn(["You are brief. How many days has May? 31. And June? 30, one fewer. " * 20], 384))


def row(ids: list[int]) -> TensorBatch:
    tokens = torch.tensor(ids)
    return TensorBatch(tokens[None, :-1], tokens[None, 1:], torch.zeros(1, len(ids) - 1).int())


def test_what_is_asked_for_is_what_the_assistant_says(codec: Codec) -> None:
    targets = masked(row(render(TALK, codec).ids), codec).targets_BT[0]
    assert codec.decode(targets[targets != IGNORED].tolist()) == "31.30, one fewer."
    assert int((targets == codec.end_of_turn).sum()) == 2


def test_no_mask_is_shifted_wherever_a_row_begins_and_ends(codec: Codec) -> None:
    rendered = render(TALK * 3, codec)
    ids, trained = np.array(rendered.ids), np.array(rendered.trained)
    chooses = random.Random(0)
    for _ in range(200):
        first = chooses.randrange(len(ids) - 2)
        last = chooses.randrange(first + 2, len(ids) + 1)
        found = masked(row(ids[first:last].tolist()), codec).targets_BT[0].numpy()
        expected = np.where(trained[first + 1 : last], ids[first + 1 : last], IGNORED)
        # The rest of a turn whose beginning is in the row before: nobody knows here who speaks.
        turns = np.flatnonzero(ids[first:last] == codec.start_of_turn)
        expected[: max(turns[0] - 1, 0) if len(turns) else len(expected)] = IGNORED
        assert found.tolist() == expected.tolist()


def test_it_is_the_mean_surprise_of_those_tokens(codec: Codec) -> None:
    torch.manual_seed(0)
    decoder = Decoder(MODEL)
    rendered = render(TALK, codec)
    given = Given({})
    given.codec = codec
    made = loss(decoder, row(rendered.ids), Config(), given)
    odds = torch.log_softmax(decoder.logits(decoder(torch.tensor(rendered.ids)[None]))[0], -1)
    slow = [
        -odds[place - 1, token]
        for place, (token, is_trained) in enumerate(zip(rendered.ids, rendered.trained, strict=True))
        if is_trained
    ]
    assert made.count == len(slow)
    torch.testing.assert_close(made.total, torch.stack(slow).sum())
    assert F.cross_entropy(odds, torch.tensor(rendered.ids)).isfinite()


def test_a_row_in_which_the_assistant_is_silent_teaches_nothing(codec: Codec) -> None:
    decoder, given = Decoder(MODEL), Given({})
    given.codec = codec
    made = loss(decoder, row(render(TALK[:2], codec).ids), Config(), given)
    assert (made.count, float(made.total.detach())) == (0, 0.0)


def test_conversations_are_learned_from_end_to_end(tmp_path: Path) -> None:
    """From JSON Lines to a model: the loss is that of the answers, and falls."""
    tokenizer, shards, source = (tmp_path / name for name in ("tokenizer", "shards", "talks.jsonl"))
    tokenizer.mkdir()
    write(learn(["What is next to it? It is next. " * 30], 512), tokenizer)
    talks = [
        [
            {"role": "user", "content": f"What is next to {number}?"},
            {"role": "assistant", "content": f"It is {number + 1}."},
        ]
        for number in range(100)
    ]
    source.write_text("".join(json.dumps({"messages": talk}) + "\n" for talk in talks))
    item = SourceItem("talks.jsonl", str(source), source.stat().st_size, sha256_file(source), 0.0)
    given = {"tokenizer": artifact("tokenizer", tokenizer)}
    made = replace(context(shards), sources={"talks": Snapshot("folder", (item,))})
    tokenize(TokenizeConfig(), given, made)
    config = settings(steps=25, learning_rate=1e-2, sequence_length=64, objective="supervised")
    pretrain(config, {**given, "shards": artifact("shards", shards)}, context(tmp_path / "model"))
    losses = [json.loads(line)["loss"] for line in (tmp_path / "model/curve.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.5 * losses[0]
