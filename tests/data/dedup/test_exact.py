"""The same text again, and what is not the same."""

from __future__ import annotations

import pytest

from ingot.data.batch import of_texts
from ingot.data.dedup.exact import Config, duplicates, fingerprint


def test_white_space_and_composition_do_not_matter() -> None:
    texts = ["café au lait", "cafe\u0301  au\n lait ", "tea"]
    assert duplicates([of_texts(texts)], Config()).tolist() == [0, 0, 2]


@pytest.mark.parametrize(("left", "right"), [("a + b", "a - b"), ("Polish", "polish"), ("ab", "a b")])
def test_signs_case_and_word_limits_do(left: str, right: str) -> None:
    assert fingerprint(left) != fingerprint(right)


def test_endless_marks_cost_no_more_than_other_text() -> None:
    hostile = "Cafe\u0301 a" + "\u0301\u0323" * 250_000  # put in order, it would take minutes
    assert fingerprint(hostile) == fingerprint(hostile.replace("e\u0301", "é"))
    assert fingerprint(hostile) != fingerprint(hostile + "\u0323")
