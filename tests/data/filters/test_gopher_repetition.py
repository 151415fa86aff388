"""Each rule of Gopher about repetition refuses what it was made for."""

from __future__ import annotations

import random

import pytest

from ingot.data.batch import of_texts
from ingot.data.filters.gopher_repetition import Config, annotate

VOCABULARY = [f"term{number}" for number in range(5000)]


def words(seed: int, count: int) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=count))


def lines(count: int, size: int) -> str:
    return "\n".join(words(seed, size) for seed in range(count))


REFUSED = {
    "empty": "",
    "duplicate_paragraph": "\n\n".join([words(1, 2)] * 3 + [words(2, 50)]),
    "duplicate_paragraph_character": "\n\n".join([*(words(seed, 3) for seed in range(9)), *[words(10, 30)] * 2]),
    "duplicate_line": lines(6, 20) + "\n" + "x\n" * 6,
    "duplicate_line_character": lines(8, 3) + "\n" + "\n".join([words(9, 30)] * 2),
    "top_2_gram": " ".join(f"{words(seed, 2)} again and" for seed in range(30)),
    "duplicate_5_gram": f"{words(1, 30)} {words(2, 60)} {words(1, 30)}",
    "duplicate_10_gram": f"{words(1, 10)} {words(2, 55)} {words(1, 10)}",
}


def reasons(texts: list[str], config: Config | None = None) -> list[str | None]:
    """Return the reasons the filter gives."""
    by_column = {annotation.column: annotation for annotation in annotate(of_texts(texts), config or Config())}
    return list(by_column["gopher_repetition_reason"].values)


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_rule_refuses(reason: str) -> None:
    assert reasons([REFUSED[reason], lines(10, 20)]) == [reason, None]


def test_the_thresholds_are_the_recipes() -> None:
    text = REFUSED["duplicate_5_gram"]
    assert reasons([text], Config(duplicate_ngrams=(1, 1, 1, 1, 1, 1))) == [None]
    assert reasons([lines(10, 20)], Config(top_ngrams=(0.0, 1, 1))) == ["top_2_gram"]
