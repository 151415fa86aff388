"""Verdicts over several requirements: the errors are bounded over all of them."""

from __future__ import annotations

from ingot.evaluate.gating.claim import FAIL, PASS, UNSURE, Claim, judged, overall
from ingot.evaluate.gating.paired import shares


def with_chance(p_value: float) -> Claim:
    return Claim("quality", "as good", "found", p_value=p_value)


def verdicts(*claims: Claim) -> list[str]:
    return [each.verdict for each in judged(claims)]


def test_one_test_is_held_against_one_in_forty() -> None:
    assert verdicts(with_chance(0.024)) == [FAIL]
    assert verdicts(with_chance(0.026)) == [UNSURE]


def test_many_tests_share_one_error() -> None:
    # Holm: 0.025/3, 0.025/2, 0.025/1; the second does not fall, so neither does what comes behind it.
    assert verdicts(with_chance(0.020), with_chance(0.015), with_chance(0.005)) == [UNSURE, UNSURE, FAIL]
    assert verdicts(with_chance(0.020), with_chance(0.010), with_chance(0.005)) == [FAIL, FAIL, FAIL]
    assert verdicts(with_chance(0.01), with_chance(0.5), with_chance(0.5)) == [UNSURE, UNSURE, UNSURE]


def test_facts_are_no_tests_and_count_for_none() -> None:
    plain = Claim("cost", "parameters", "found", fails=True)
    assert verdicts(plain, with_chance(0.02)) == [FAIL, FAIL]


def test_the_whole_is_as_bad_as_its_worst() -> None:
    good, bad = Claim("cost", "a", "b", holds=True), Claim("cost", "a", "b", fails=True)
    assert overall(judged([good])) == PASS
    assert overall(judged([good, with_chance(0.5)])) == UNSURE
    assert overall(judged([good, with_chance(0.5), bad])) == FAIL
    assert overall([]) == UNSURE


def test_what_is_worse_by_less_than_the_margin_passes_and_is_told_so() -> None:
    paired = shares([True] * 5000, [False] * 20 + [True] * 4980, 0.03)
    (told,) = judged([Claim("quality", "q", "found", paired.is_not_worse, p_value=paired.p_worse, paired=paired)])
    assert told.verdict == PASS
    assert "worse, but by less than the margin" in told.reason
    assert told.as_facts()["only_first"] == 20


def test_too_few_items_say_how_many_it_takes() -> None:
    paired = shares([True, False] * 30, [False, True] * 5 + [True, False] * 25, 0.03)
    (told,) = judged([Claim("quality", "q", "found", paired.is_not_worse, p_value=paired.p_worse, paired=paired)])
    assert told.verdict == UNSURE
    assert "it takes about" in told.reason
