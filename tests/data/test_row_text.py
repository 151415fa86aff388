"""A row becomes a text by a template in which nothing is executed, and says who owns it."""

from __future__ import annotations

import datetime

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.data.row_text import check_columns, modified_seconds, row_terms, row_text, row_uri


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{a}: {b}", "1: two"),
        ("{{a}} {c}{none}.", "{a} ."),
        ("{a.__class__} {b!r} {b:>9}", "  "),
        ("100% {b}", "100% two"),
        ("", "a: 1\nb: two"),
    ],
)
def test_templates(template: str, text: str) -> None:
    assert row_text({"a": 1, "b": "two", "c": None}, template) == text


def test_values_are_written_plainly() -> None:
    row = {"day": datetime.date(2026, 11, 2), "raw": b"caf\xc3\xa9 \xff", "list": [1, 2]}
    assert row_text(row, "{day} {raw}") == "2026-11-02 café \ufffd"
    assert row_text(row, "") == "day: 2026-11-02\nraw: b'caf\\xc3\\xa9 \\xff'\nlist: 1, 2"


def test_a_key_is_a_name_and_two_keys_are_two_names() -> None:
    assert row_uri("t", "../a b/ü") == "t/..%2Fa%20b%2F%C3%BC"
    assert row_uri("t", 7) == "t/7"
    assert row_uri("t", 0) == "t/0"
    for missing in (None, ""):
        with pytest.raises(InputError, match="no key"):
            row_uri("t", missing)


def test_columns_give_terms() -> None:
    row = {"who": "ada", "see": "b, a;b|c", "groups": ["x", "y"], "empty": "", "until": datetime.date(2030, 1, 1)}
    terms = row_terms(row, {"owner": "who", "access": "see", "licence": "empty", "retention": "until"})
    assert terms == {"owner": "ada", "access": ("a", "b", "c"), "retention": "2030-01-01"}
    assert row_terms(row, {"access": "groups"}) == {"access": ("x", "y")}


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="'titel'") as caught:
        check_columns({}, "{titel}", ["title", "body"], "query")
    assert caught.value.fix == "did you mean 'title'?"
    with pytest.raises(UsageError, match="not a term"):
        check_columns({"ower": "x"}, "", ["x"], "query")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-11-02T10:00:00Z", 1793613600.0),
        ("2026-11-02 11:00:00+01:00", 1793613600.0),
        ("2026-11-02", 1793577600.0),
        (datetime.date(2026, 11, 2), 1793577600.0),
        (datetime.datetime(2026, 11, 2, 10), 1793613600.0),
        (1793613600, 1793613600.0),
        ("soon", 0.0),
        (None, 0.0),
        (True, 0.0),
    ],
)
def test_times(value: object, seconds: float) -> None:
    assert modified_seconds(value) == seconds
