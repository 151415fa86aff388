"""Thresholds come from the corpus: outliers are flagged, whole kinds of text are not."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ingot.core.errors import UsageError
from ingot.data.annotations import LEAST_DOCUMENTS, Annotation, annotate, filters, joined, judge, threshold

WORDS = ["the", "tenant", "shall", "pay", "rent", "to", "landlord", "on", "first", "day", "of", "each", "month", "roof"]


def prose(seed: int) -> str:
    generator = random.Random(seed)
    return ". ".join(" ".join(generator.choices(WORDS, k=12)).capitalize() for _ in range(20)) + ".\n"


def code(seed: int) -> str:
    generator = random.Random(seed)
    names = generator.choices(WORDS, k=30)
    return "".join(
        f"{name}_{place} = [{place}, ({name}[{place}] << 2) | 0x{place:04x}];\n" for place, name in enumerate(names)
    )


def test_code_is_not_judged_as_prose_and_contracts_are_not_dropped() -> None:
    texts = [prose(seed) for seed in range(40)] + [code(seed) for seed in range(40)]
    judged = judge(annotate(texts, filters({})), ["text"] * 40 + ["code"] * 40)
    assert list(judged.flags) == [()] * 80


def test_an_outlier_is_flagged_with_what_is_odd_about_it() -> None:
    odd = ["#" * 500, "1 2 3 4 5 6 7 8 9 " * 30, "x" * 20_000, "t h e r e n t i s d u e " * 20]
    texts = [prose(seed) for seed in range(60)] + odd
    judged = judge(annotate(texts, filters({})), ["text"] * len(texts))
    assert all(flags == () for flags in judged.flags[:60])
    assert "mostly_symbols" in judged.flags[60]
    assert "mostly_digits" in judged.flags[61]
    assert "very_long_lines" in judged.flags[62]
    assert "very_short_words" in judged.flags[63]
    assert judged.thresholds["mostly_symbols"]["text"] < 0.5


def test_a_small_group_is_not_judged() -> None:
    texts = [prose(seed) for seed in range(LEAST_DOCUMENTS - 2)] + ["#" * 500]
    judged = judge(annotate(texts, filters({})), ["text"] * len(texts))
    assert list(judged.flags) == [()] * len(texts)
    assert judged.thresholds == {}


@pytest.mark.parametrize("tail", ["high", "low"])
def test_a_few_outliers_do_not_move_the_threshold(tail: str) -> None:
    usual = np.linspace(9, 11, 100)
    outliers = np.full(5, 1000.0 if tail == "high" else 0.001)
    alone = threshold(usual, "high" if tail == "high" else "low", 0.01)
    together = threshold(np.concatenate([usual, outliers]), "high" if tail == "high" else "low", 0.01)
    assert abs(together - alone) < 0.25 * alone
    assert together < 1000 if tail == "high" else together > 0.001


def test_without_variation_the_least_spread_holds() -> None:
    assert threshold(np.zeros(100), "high", 0.02) == pytest.approx(0.1)
    assert threshold(np.full(100, 4.0), "low", 0.1) == pytest.approx(4 * np.exp(-0.5))


def test_batches_join_filter_by_filter() -> None:
    def batch(values: list[float]) -> list[Annotation]:
        return [
            Annotation("a", "flag_a", "high", 1.0, np.array(values)),
            Annotation("b", "flag_b", "low", 1.0, -np.array(values)),
        ]

    first, second = joined([batch([1, 2]), batch([3])])
    assert first.values.tolist() == [1, 2, 3]
    assert second.values.tolist() == [-1, -2, -3]


def test_an_unknown_filter_is_told_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        filters({"symbol": {}})
    assert "symbols" in caught.value.fix
