from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.safety.patterns import AnyOf, Pattern


def test_spans_are_characters() -> None:
    assert list(Pattern(r"[0-9]+").spans("é12 日3")) == [(1, 3), (5, 6)]


def test_groups_that_took_no_part_are_told() -> None:
    assert list(Pattern(r"(a)|(b)").groups("ab")) == [((0, 1), (0, 1), (-1, -1)), ((1, 2), (-1, -1), (1, 2))]


def test_empty_matches_are_left_out() -> None:
    assert list(Pattern(r"x*").spans("axxb")) == [(1, 3)]


def test_case_can_be_ignored() -> None:
    assert Pattern("abc", ignore_case=True).occurs("xABCx")
    assert not Pattern("abc").occurs("xABCx")


def test_what_hangs_a_backtracking_engine_comes_to_an_end() -> None:
    text = "a" * 100_000
    assert list(Pattern(r"(a+)+$").spans(text)) == [(0, len(text))]
    assert list(Pattern(r"(a+)+$").spans(text + "!")) == []


@pytest.mark.parametrize("expression", [r"(a", r"(?=look)", r"(a)\1", r"a{2000}", "\ud800"])
def test_a_pattern_that_cannot_be_used_is_refused_by_name(expression: str) -> None:
    with pytest.raises(UsageError, match="regular expression") as caught:
        Pattern(expression, where="pattern 'customer'")
    assert caught.value.where == "pattern 'customer'"
    assert "RE2" in caught.value.why


def test_several_patterns_are_tried_at_once() -> None:
    tried = AnyOf(["@", r"[0-9]{3}", r"(?i:abc)"])
    assert tried.occurring("x@y 12 ABC") == {"@", r"(?i:abc)"}
    assert tried.occurring("") == frozenset()
    assert AnyOf([]).occurring("x") == frozenset()
