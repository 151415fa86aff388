"""Edits are applied exactly, and their record says where without saying what."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.core.errors import StepError
from ingot.data.edits import RECORD, Change, Edit, apply, apply_all, from_literals, records

SECRET = "hunter2-é€😀"
TEXT = st.text(st.characters(codec="utf-8"))
SHORT = st.text(st.characters(codec="utf-8"), max_size=3)


def test_a_change_replaces_spans_of_characters() -> None:
    change = Change("mask", (Edit(0, 4, "Dr", "title"), Edit(5, 5, "[", ""), Edit(8, 10, "", "tail")))
    assert apply("Frau é€😀xyz", change) == "Dr [é€😀z"


@pytest.mark.parametrize("edits", [((3, 2),), ((0, 4), (3, 5)), ((4, 5), (0, 1)), ((0, 99),), ((-1, 2),)])
def test_edits_that_do_not_fit_are_a_bug_that_speaks(edits: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(StepError, match="'mask'"):
        apply("0123456789", Change("mask", tuple(Edit(start, end, "", "") for start, end in edits)))


def test_the_record_holds_bytes_and_not_what_stood_there() -> None:
    text = f"größe {SECRET} ende"
    changes = (
        Change("first", (Edit(2, 3, "oe", "umlaut"),)),
        Change("second", (Edit(7, 7 + len(SECRET), "[SECRET]", "key"),)),
    )
    kept = records(text, changes)
    places = [(each["start"], each["end"], each["length"]) for each in kept]
    assert places == [(2, 4, 2), (8, 8 + len(SECRET.encode()), 8)]
    assert "hunter2" not in json.dumps(kept)
    assert set(kept[0]) == {field.name for field in RECORD}


def test_a_change_crosses_a_process_boundary() -> None:
    change = Change("mask", (Edit(0, 1, "é", "why"),))
    assert from_literals(json.loads(json.dumps(change.as_literals()))) == change


@given(text=TEXT, cuts=st.lists(st.integers(0, 50), max_size=8), replacement=SHORT)
def test_records_measure_the_bytes_of_any_text(text: str, cuts: list[int], replacement: str) -> None:
    places = sorted({min(cut, len(text)) for cut in cuts})
    spans = list(zip(places[::2], places[1::2], strict=False))
    change = Change("any", tuple(Edit(start, end, replacement, "") for start, end in spans))
    payload = text.encode()
    expected = b""
    place = 0
    for each in records(text, (change,)):
        assert each["length"] == len(replacement.encode())
        expected += payload[place : each["start"]] + replacement.encode()
        place = each["end"]
    assert (expected + payload[place:]).decode() == apply_all(text, (change,))
