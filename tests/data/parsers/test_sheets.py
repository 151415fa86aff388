"""Workbooks give their sheets as tables, each with a position."""

from __future__ import annotations

from ingot.data.document import Position
from tests.data.samples import parse, xlsx_bytes


def test_sheets_become_headings_and_tables() -> None:
    payload = xlsx_bytes(
        Costs=[["In euros"], [""], ["what", "", "how much"], ["paper", "", "12"]], Other=[["x", "y"], ["1", "2"]]
    )
    (document,) = parse("sheets", "costs.xlsx", payload)
    assert document.text.split("\n\n") == [
        "## Costs",
        "In euros",
        "| what | how much |\n| --- | --- |\n| paper | 12 |",
        "## Other",
        "| x | y |\n| --- | --- |\n| 1 | 2 |",
    ]
    assert [(each.kind, each.label) for each in document.positions] == [
        ("sheet", "Costs"),
        ("table", "1"),
        ("sheet", "Other"),
        ("table", "2"),
    ]
    assert document.positions[0] == Position("sheet", "Costs", 0)


def test_many_rows_are_cut_and_the_sheet_is_named_in_every_piece() -> None:
    rows = [["number", "square"], *([str(n), str(n * n)] for n in range(2000))]
    documents = parse("sheets", "a.xlsx", xlsx_bytes(Squares=rows), piece_bytes=8000)
    assert len(documents) > 3
    assert all(document.positions[0] == Position("sheet", "Squares", 0) for document in documents)
