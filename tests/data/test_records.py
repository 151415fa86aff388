"""A record becomes what a person would read."""

from __future__ import annotations

from ingot.data.records import record_text


def test_a_text_field_is_the_text() -> None:
    assert record_text({"id": 7, "text": "The text."}) == "The text."
    assert record_text({"id": 7, "Content": "The text."}) == "The text."


def test_a_title_stands_above_its_text_once() -> None:
    assert record_text({"title": "Leave", "body": "You may go."}) == "Leave\n\nYou may go."
    assert record_text({"title": "Leave", "body": "Leave: you may go."}) == "Leave: you may go."


def test_without_a_text_field_every_field_is_a_line() -> None:
    record = {
        "name": "Pump",
        "price": 3.5,
        "is_new": True,
        "empty": "",
        "tags": ["a", "b"],
        "maker": {"city": "Ulm", "none": None},
        "parts": [{"no": 1, "of": "steel"}, {"no": 2}],
    }
    assert record_text(record).split("\n") == [
        "name: Pump",
        "price: 3.5",
        "is_new: true",
        "tags: a, b",
        "maker:",
        "  city: Ulm",
        "parts:",
        "  - no: 1",
        "    of: steel",
        "  - no: 2",
    ]


def test_an_empty_text_field_does_not_hide_the_others() -> None:
    assert "question: Why?" in record_text({"text": " ", "question": "Why?"})
