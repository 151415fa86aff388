"""Composed text is that of Unicode, in bounded time whatever the text."""

from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from ingot.data.composing import composed

MARKED = st.text(st.sampled_from("ae\u0301\u0323\u0308가\u1100\u1161\u11a8Ω\u2126 \t\n한漢"), max_size=80)


@given(text=MARKED | st.text(max_size=60))
@example("e\u0301" * 40)
@example("\u1100\u1161\u11a8" * 20)
@example("e" + "\u0301\u0323" * 15)
def test_it_is_the_composed_form_of_unicode(text: str) -> None:
    if all(len(run) < 31 for run in _runs_of_marks(text)):
        assert composed(text) == unicodedata.normalize("NFC", text)


def _runs_of_marks(text: str) -> list[str]:
    return "".join(sign if unicodedata.combining(sign) else "x" for sign in text).split("x")


def test_endless_marks_stay_and_everything_else_is_composed() -> None:
    endless = "a" + "\u0301\u0323" * 250_000
    assert composed(f"Cafe\u0301 {endless} e\u0301") == f"Café {endless} é"
    assert composed("a" + "\u0323\u0301" * 16) != unicodedata.normalize("NFC", "a" + "\u0323\u0301" * 16)


def test_the_same_mark_without_end_is_in_order() -> None:
    endless = "x" + "\u0323" * 500_000
    assert composed(endless) == endless
