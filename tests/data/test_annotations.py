"""Thresholds come from the corpus: outliers are flagged, whole kinds of text are not."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ingot.core.errors import UsageError
from ingot.data.annotations import LEAST_DOCUMENTS, Annotation, annotate, decision, filters, judge, threshold
from ingot.data.batch import of_texts
from ingot.data.config import USUAL_FILTERS

USUAL = [{"name": name} for name in USUAL_FILTERS]
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
    judged = judge(annotate(of_texts(texts), filters(USUAL)), ["text"] * 40 + ["code"] * 40)
    assert list(judged.flags) == [()] * 80


def test_an_outlier_is_flagged_with_what_is_odd_about_it() -> None:
    odd = ["#" * 500, "1 2 3 4 5 6 7 8 9 " * 30, "x" * 20_000, "t h e r e n t i s d u e " * 20]
    texts = [prose(seed) for seed in range(60)] + odd
    judged = judge(annotate(of_texts(texts), filters(USUAL)), ["text"] * len(texts))
    assert all(flags == () for flags in judged.flags[:60])
    assert "mostly_symbols" in judged.flags[60]
    assert "mostly_digits" in judged.flags[61]
    assert "very_long_lines" in judged.flags[62]
    assert "very_short_words" in judged.flags[63]
    assert judged.thresholds["mostly_symbols"]["text"] < 0.5


def test_a_small_group_is_not_judged() -> None:
    texts = [prose(seed) for seed in range(LEAST_DOCUMENTS - 2)] + ["#" * 500]
    judged = judge(annotate(of_texts(texts), filters(USUAL)), ["text"] * len(texts))
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


def test_only_numbers_with_a_flag_are_judged() -> None:
    usual = [1.0] * 30 + [100.0]
    annotations = [
        Annotation("counted", np.array(usual)),
        Annotation("judged", np.array(usual), "far_out", "high", 0.1),
        Annotation("passes", np.array([True] * 30 + [False])),
        Annotation("language", [None] * 31),
    ]
    judged = judge(annotations, ["text"] * 31)
    assert set(judged.columns) == {"counted", "judged", "passes", "language"}
    assert judged.flags[30] == ("far_out",)
    assert list(judged.thresholds) == ["far_out"]


def test_a_decision_has_the_first_reason() -> None:
    checks = [("short", np.array([True, False, False])), ("odd", np.array([True, True, False]))]
    passes, reason = decision("sense", checks)
    assert (passes.column, reason.column) == ("passes_sense", "sense_reason")
    assert list(passes.values) == [False, False, True]
    assert list(reason.values) == ["short", "odd", None]


def test_options_reach_a_filter() -> None:
    ((plugin, config),) = filters([{"name": "digits", "options": {"least_spread": 0.5}}])
    assert plugin.name == "digits"
    assert config.least_spread == 0.5


def test_an_unknown_filter_is_told_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        filters([{"name": "symbol"}])
    assert "symbols" in caught.value.fix


def test_two_filters_cannot_say_the_same_column() -> None:
    with pytest.raises(UsageError, match="'digit_share' would be there twice"):
        annotate(of_texts(["a 1"]), filters([{"name": "digits"}, {"name": "symbols"}, {"name": "digits"}]))
