"""Rows become questions for an index; what they name may be a list, several names, or a quotation."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Search
from ingot.evaluate.tasks.retrieval import Config, items


def made(config: Config | None = None, **fields: Any) -> Search:
    [item] = items(Row("questions.csv", 2, fields), config or Config())
    return item


def test_documents_are_named_one_or_several() -> None:
    assert made(question="When?", document="lease.md") == Search("questions.csv:2", "When?", ("lease.md",))
    assert made(question="When?", document="a.md | b.md|a.md", group="dates").documents == ("a.md", "b.md")
    assert made(question="When?", document=["x", "y"]).documents == ("x", "y")
    assert made(Config(question="q", document="file"), q="When?", file="a.md").documents == ("a.md",)


def test_a_quotation_stands_in_where_no_document_is_named() -> None:
    assert made(question="When?", text=" in May ").texts == ("in May",)
    assert made(question="When?", document="a.md", text="in May").texts == ()


@pytest.mark.parametrize(
    "fields", [{"question": "When?"}, {"question": " ", "document": "a"}, {"question": "When?", "document": []}]
)
def test_a_row_that_asks_for_nothing_is_a_fault(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRowError):
        made(**fields)
