from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.infer.engine import Stop
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.parity import NEAR_TIE, Answer, answers, compare, mixed_texts
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.tokenizer.codec import Codec
from tests.infer.tiny_model import make_model


@pytest.fixture(scope="module")
def reference(model_folder: Path) -> Engine:
    return Engine(model_folder, Config())


@pytest.fixture(scope="module")
def expected(reference: Engine) -> list[Answer]:
    prompts = [[reference.codec.bos, *reference.codec.encode(text)] for text in ("class A:", "return self")]
    return answers(reference, prompts, 8)


class Altered(Engine):
    """The reference, with one thing changed in what it says."""

    def __init__(self, folder: Path, at: int, shift: float = 0.0, token: int | None = None) -> None:
        super().__init__(folder, Config())
        self.at, self.shift, self.token = at, shift, token

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        for place, token in enumerate(super().generate(prompt, params, stop)):
            assert token.logprob is not None
            if place == self.at:
                chosen = token.id if self.token is None else self.token
                yield replace(token, id=chosen, logprob=token.logprob + self.shift)
            else:
                yield token


def test_the_reference_agrees_with_itself(reference: Engine, expected: list[Answer]) -> None:
    found = compare(reference, expected, 8)
    assert found.agrees
    assert found.equal_tokens == found.tokens == sum(len(answer.tokens) for answer in expected)
    assert found.largest_difference == 0.0
    assert found.tokenizes_alike is None
    assert found.tokens_per_second > 0


def test_another_token_is_a_disagreement(model_folder: Path, expected: list[Answer]) -> None:
    found = compare(Altered(model_folder, at=3, token=400), expected, 8)
    assert not found.agrees
    assert found.equal_tokens == 3 * len(expected)
    assert found.near_ties == 0


def test_another_probability_is_a_disagreement(model_folder: Path, expected: list[Answer]) -> None:
    assert compare(Altered(model_folder, at=3, shift=0.001), expected, 8).agrees
    found = compare(Altered(model_folder, at=3, shift=0.5), expected, 8)
    assert not found.agrees
    assert found.largest_difference == pytest.approx(0.5)


def test_a_choice_the_reference_is_undecided_about_is_excused(model_folder: Path, expected: list[Answer]) -> None:
    def undecided(answer: Answer, gap: float) -> Answer:
        token = answer.tokens[3]
        assert token.logprob is not None
        top = ((token.id, token.logprob), (400, token.logprob - gap))
        return replace(answer, tokens=(*answer.tokens[:3], replace(token, top=top), *answer.tokens[4:]))

    other = Altered(model_folder, at=3, token=400)
    close = compare(other, [undecided(answer, NEAR_TIE / 2) for answer in expected], 8)
    assert close.agrees
    assert close.near_ties == 2
    assert not compare(other, [undecided(answer, NEAR_TIE * 2) for answer in expected], 8).agrees


class Reading(Engine):
    """The reference as another program that reads texts itself, with the vocabulary of some folder."""

    def __init__(self, folder: Path, vocabulary: Path) -> None:
        super().__init__(folder, Config())
        self.own = Codec.load(vocabulary)

    def tokenize(self, text: str) -> list[int] | None:
        return self.own.encode(text)


def test_a_reader_that_splits_protected_terms_is_found(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "model", terms=("ABX-99", "Müller AG"))
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["added_tokens"] = [each for each in content["added_tokens"] if each["content"] != "Müller AG"]
    other = make_model(tmp_path / "other", terms=("ABX-99", "Müller AG"))
    (other / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    expected = answers(Engine(folder, Config()), [[0]], 2)
    assert compare(Reading(folder, folder), expected, 2).tokenizes_alike
    assert not compare(Reading(folder, other), expected, 2).tokenizes_alike


def test_terms_stand_alone_inside_words_and_side_by_side(tmp_path: Path) -> None:
    codec = Codec.load(make_model(tmp_path / "model", terms=("ABX-99",)))
    text = mixed_texts(codec)[-1]
    assert codec.encode(text).count(codec.tokenizer.token_to_id("ABX-99")) == text.count("ABX-99") == 5
