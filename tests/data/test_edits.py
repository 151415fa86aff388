"""Edits are applied exactly, and their record says where without saying what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.core.errors import StepError
from ingot.data.edits import RECORD, Change, Edit, apply, apply_all, cut_records, from_literals, records

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


def read_size(text: str, kept: list[dict[str, Any]]) -> int:
    return len(text.encode()) - sum(each["length"] - (each["end"] - each["start"]) for each in kept)


@st.composite
def changed_texts(draw: st.DrawFn) -> tuple[str, list[Change]]:
    """Draw a text and up to three changes, one upon the other."""
    text = whole = draw(TEXT)
    changes = []
    for name in draw(st.sampled_from([(), ("a",), ("a", "b"), ("a", "b", "c")])):
        places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
        spans = zip(places[::2], places[1::2], strict=False)
        changes.append(Change(name, tuple(Edit(start, end, draw(SHORT), "why") for start, end in spans)))
        whole = apply(whole, changes[-1])
    return text, changes


@given(data=st.data(), changed=changed_texts())
def test_the_records_of_both_halves_are_those_of_the_whole(
    data: st.DataObject, changed: tuple[str, list[Change]]
) -> None:
    text, changes = changed
    whole, kept = apply_all(text, changes), records(text, changes)
    at = data.draw(st.integers(0, len(whole)))
    place = len(whole[:at].encode())
    first, second, read = cut_records(kept, place)
    assert 0 <= read <= len(text.encode())
    assert (read_size(whole[:at], first), read_size(whole[at:], second)) == (read, len(text.encode()) - read)
    assert sum(each["length"] for each in [*first, *second]) == sum(each["length"] for each in kept)
    assert sum(each["end"] - each["start"] for each in [*first, *second]) == sum(
        each["end"] - each["start"] for each in kept
    )
    assert all(0 <= each["start"] <= each["end"] for each in [*first, *second])


def test_a_cut_text_is_read_from_where_its_half_begins() -> None:
    changes = (
        Change("first", (Edit(0, 4, "", "gone"), Edit(6, 8, "12345", "longer"), Edit(12, 14, "", "gone"))),
        Change("second", (Edit(1, 2, "xyz", "more"),)),
    )
    kept = records("abcdefghijklmnopqrst", changes)  # ex + yz12345ijklopqrst
    first, second, read = cut_records(kept, len("exyz12345ij"))
    assert read == len("abcdefghij")
    assert [(each["transform"], each["start"], each["end"], each["length"]) for each in first] == [
        ("first", 0, 4, 0),
        ("first", 6, 8, 5),
        ("second", 1, 2, 3),
    ]
    assert [(each["start"], each["end"], each["length"]) for each in second] == [(2, 4, 0)]
