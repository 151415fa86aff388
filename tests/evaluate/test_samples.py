from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.evaluate.config import EvaluateConfig
from ingot.evaluate.held_out import Text, held_out_texts
from ingot.evaluate.samples import continuations, opening
from ingot.flow.artifact import Artifact
from ingot.infer.engine import build

CONFIG = EvaluateConfig(sample_tokens=8, prompt_bytes=40)


def test_samples_continue_held_out_openings_and_repeat(made: dict[str, Artifact]) -> None:
    engine = build("torch", made["checkpoint"].path)
    texts = held_out_texts(made["dataset"].path, 100_000)
    first, again = (continuations(engine, texts, CONFIG) for _ in range(2))
    assert first == again
    for sample, text in zip(first, texts, strict=False):
        assert text.text.startswith(sample.prompt)
        assert 1 <= sample.tokens <= 8
    assert continuations(engine, texts, replace(CONFIG, seed=9)) != first


def test_documents_shorter_than_an_opening_are_used_only_when_there_is_nothing_else(made: dict[str, Artifact]) -> None:
    engine = build("torch", made["checkpoint"].path)
    short, long = Text("1", "short.txt", "a few words"), Text("2", "long.txt", "many words " * 20)
    assert [sample.uri for sample in continuations(engine, [short, long], CONFIG)] == ["long.txt"]
    assert [sample.uri for sample in continuations(engine, [short], CONFIG)] == ["short.txt"]


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("one two three", 9, "one two"),
        ("one two", 20, "one two"),
        ("unbroken", 4, "unbr"),
        ("日本語の文", 7, "日本"),
    ],
)
def test_an_opening_ends_at_a_word_and_never_inside_a_character(text: str, size: int, expected: str) -> None:
    assert opening(text, size) == expected


def test_a_prompt_longer_than_the_context_leaves_room_to_write(made: dict[str, Artifact]) -> None:
    engine = build("torch", made["checkpoint"].path)
    text = Text("1", "long.txt", "a b c d e f g h " * 100)
    (sample,) = continuations(engine, [text], replace(CONFIG, prompt_bytes=1000))
    assert sample.tokens == 8
