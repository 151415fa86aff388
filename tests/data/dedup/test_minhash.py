"""Planted near-duplicates are found, and different texts stay."""

from __future__ import annotations

import random

from ingot.data.batch import of_texts
from ingot.data.dedup.minhash import Config, duplicates

VOCABULARY = [f"term{number}" for number in range(3000)]


def firsts(texts: list[str], config: Config | None = None) -> list[int]:
    """Return for each text the first of its group."""
    found: list[int] = duplicates([of_texts(texts)], config or Config()).tolist()
    return found


def text(seed: int) -> list[str]:
    return random.Random(seed).choices(VOCABULARY, k=300)


def test_small_changes_are_near_duplicates_and_large_ones_are_not() -> None:
    found = kept = 0
    for seed in range(50):
        base = text(seed)
        changed = [*base]
        for place in random.Random(seed).sample(range(300), 3):
            changed[place] = "changed"
        rewritten = [word if number % 5 else "other" for number, word in enumerate(base)]
        result = firsts([" ".join(base), " ".join(changed), " ".join(rewritten), " ".join(text(seed + 999))])
        found += int(result[1] == 0)
        kept += int(result[2] == 2) + int(result[3] == 3)
    assert found >= 49
    assert kept == 100


def test_the_first_stays() -> None:
    base = " ".join(text(1))
    assert firsts(["another text of more than five words", base, f"{base} more", base.upper()]) == [0, 1, 1, 1]


def test_texts_under_five_words_are_never_near_duplicates() -> None:
    assert firsts(["one two three four", "one two three four"]) == [0, 1]


def test_the_threshold_is_the_users() -> None:
    base = text(4)
    halves = [" ".join(base), " ".join(base[:240] + text(5)[:60])]
    assert firsts(halves, Config(similarity=0.9)) == [0, 1]
    assert firsts(halves, Config(similarity=0.3)) == [0, 0]
