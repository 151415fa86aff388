"""Rated answers in rows: what stands where, and foreign answers that follow from the row alone."""

from __future__ import annotations

import pytest
import torch

from ingot.core.errors import InputError
from ingot.data.stream import IGNORED
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn
from ingot.train.objective import TensorBatch
from ingot.train.ratings import foreign_log_probabilities, own_log_probabilities, ratings_in
from tests.train.sums import model_config

TURNS = [("Where?", "Here."), ("Who is it?", "Me, and you."), ("When?", "Now."), ("Why?", "So.")]


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(learn(["user\nassistant\n Where? Here. Who is it? Me, and you. When? Now. " * 9], 320))


def documents(codec: Codec) -> list[list[int]]:
    talks = [[{"role": "user", "content": a}, {"role": "assistant", "content": b}] for a, b in TURNS]
    return [[*render(talk, codec).ids, codec.eos] for talk in talks]


def rows(codec: Codec, groups: list[list[int]], made: list[list[int]]) -> TensorBatch:
    """Put documents into rows by their numbers."""
    length = max(sum(len(made[number]) for number in group) for group in groups) + 3
    tokens, segments = torch.full((len(groups), length), codec.pad), torch.zeros(len(groups), length).int()
    for row, group in enumerate(groups):
        begin = 0
        for at, number in enumerate(group):
            tokens[row, begin : begin + len(made[number])] = torch.tensor(made[number])
            segments[row, begin:] = at
            begin += len(made[number])
    return TensorBatch(tokens, torch.full_like(tokens, IGNORED), segments)


def test_a_foreign_answer_is_that_of_the_conversation_before_in_the_row(codec: Codec) -> None:
    made = documents(codec)
    together = ratings_in(rows(codec, [[0, 1, 2], [3]], made), codec, 96)
    said = [codec.decode(answer[:-1]) for _, answer in together.texts]
    assert said == [answer for _, answer in TURNS]
    foreign = [codec.decode(text[1][:-1]) if text else None for text in together.foreign]
    assert foreign == ["Now.", "Here.", "Me, and you.", None]
    assert together.row_A == (0, 0, 0, 1)
    alone = ratings_in(rows(codec, [[0, 1, 2]], made), codec, 96)
    assert alone.both_keys == together.both_keys[:3]
    assert len(set(together.both_keys)) == 4


def test_log_probabilities_are_those_of_each_text_read_alone(codec: Codec) -> None:
    torch.manual_seed(0)
    decoder = Decoder(model_config(codec)).eval()
    rated = ratings_in(rows(codec, [[0, 1, 2], [3]], documents(codec)), codec, 96)
    own, foreign = own_log_probabilities(decoder, rated, codec), foreign_log_probabilities(decoder, rated, codec)
    for found, text in zip([*own, *foreign], [*rated.texts, *rated.foreign], strict=True):
        wanted = 0.0
        if text is not None:
            prompt, answer = text
            with torch.no_grad():
                logs = decoder.logits(decoder(torch.tensor([[*prompt, *answer]])))[0].log_softmax(-1)
            wanted = sum(float(logs[len(prompt) + at - 1, token]) for at, token in enumerate(answer))
        assert float(found.detach()) == pytest.approx(wanted, abs=1e-3)
    assert own.requires_grad
    assert not foreign.requires_grad


def test_a_foreign_text_is_no_longer_than_the_model_reads_and_keeps_its_answer(codec: Codec) -> None:
    made = documents(codec)
    rated = ratings_in(rows(codec, [[1, 2]], made), codec, 10)
    assert all(text is not None and len(text[0]) + len(text[1]) <= 10 for text in rated.foreign)
    assert [text[1] for text in rated.foreign if text] == [rated.texts[1][1], rated.texts[0][1]]


def test_rows_of_one_conversation_have_nothing_foreign(codec: Codec) -> None:
    torch.manual_seed(0)
    decoder = Decoder(model_config(codec)).eval()
    rated = ratings_in(rows(codec, [[0], [1]], documents(codec)), codec, 96)
    assert foreign_log_probabilities(decoder, rated, codec).tolist() == [0.0, 0.0]


def test_rows_without_answers_are_refused(codec: Codec) -> None:
    with pytest.raises(InputError, match="whole rated answers"):
        ratings_in(rows(codec, [[0]], [[codec.bos, 70, 71, 72, codec.eos]]), codec, 96)
