from __future__ import annotations

import pytest

from ingot.safety.national_ids.rule import Rule, is_day, is_short_day, normal

RULE = Rule("even", "ZZ", r"[A-Z]?\d \d", lambda number: int(number[-1]) % 2 == 0, ("even",), 0.5)


@pytest.mark.parametrize(
    ("written", "accepted"), [("1 2", True), ("A1 2", True), ("1 3", False), ("12", False), ("1 2 ", False)]
)
def test_a_number_needs_shape_and_check(written: str, accepted: bool) -> None:
    assert RULE.accepts(written) == accepted


def test_what_it_may_hold_is_read_from_the_shape() -> None:
    assert RULE.has_letters
    assert not Rule("digits", "ZZ", r"\d{4}", lambda number: True, (), 0.0).has_letters


def test_separators_go_and_a_plus_stays() -> None:
    assert normal("ab-12.34/5 6+7") == "AB123456+7"


def test_days() -> None:
    assert is_day(2000, 2, 29)
    assert not is_day(1900, 2, 29)
    assert is_short_day("00", "2", "29")
    assert not is_short_day("01", "2", "29")
