"""A document that is cut in two leads back to the same pages, bytes and changes from both halves."""

from __future__ import annotations

from typing import Any

from ingot.data.document import document_id, text_hash
from ingot.data.edits import Change, Edit, apply_all, records
from ingot.data.writing import cut_row

PAGES = [f"Page {number} says so.\n\n" for number in range(20)]


def row(text: str, changes: tuple[Change, ...] = (), **fields: Any) -> dict[str, Any]:
    starts = [len("".join(PAGES[:number]).encode()) for number in range(len(PAGES))]
    return {
        "doc_id": "whole",
        "parent_id": None,
        "uri": "report.pdf",
        "text": apply_all(text, changes),
        "byte_start": 0,
        "byte_end": len(text.encode()),
        "positions": [{"kind": "page", "label": str(at), "start": start} for at, start in enumerate(starts)],
        "changes": records(text, changes),
        **fields,
    }


def pages_of(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what stands where each position of a half points."""
    payload = part["text"].encode()
    return [(each["label"], payload[each["start"] :][:8].decode()) for each in part["positions"]]


def test_both_halves_know_their_pages() -> None:
    first, second = cut_row(row("".join(PAGES)))
    assert first["text"] + second["text"] == "".join(PAGES)
    assert second["text"].startswith("Page 18")
    assert pages_of(first) == [(str(at), f"Page {at} says"[:8]) for at in range(18)]
    assert pages_of(second) == [("18", "Page 18 "), ("19", "Page 19 ")]


def test_a_page_that_goes_on_is_named_in_the_second_half() -> None:
    whole = row("One long page. " * 40, positions=[{"kind": "page", "label": "7", "start": 0}])
    first, second = cut_row(whole)
    assert first["positions"] == second["positions"] == whole["positions"]


def test_spans_ids_and_the_parent() -> None:
    first, second = cut_row(row("".join(PAGES), byte_start=100, byte_end=100 + len("".join(PAGES))))
    assert (first["byte_start"], second["byte_end"]) == (100, 100 + len("".join(PAGES)))
    assert first["byte_end"] == second["byte_start"] == 100 + len(first["text"])
    for part in (first, second):
        assert part["parent_id"] == "whole"
        place = part["byte_start"], part["byte_end"]
        assert part["doc_id"] == document_id("report.pdf", *place, text_hash(part["text"]))


def test_where_the_text_is_not_that_of_the_file_both_keep_the_span_of_the_whole() -> None:
    first, second = cut_row(row("".join(PAGES), byte_start=0, byte_end=50_000))
    assert [(part["byte_start"], part["byte_end"]) for part in (first, second)] == [(0, 50_000)] * 2


def test_positions_are_those_of_the_text_as_it_was_read() -> None:
    text = "".join(PAGES)
    late = text.index("Page 19")
    changes = (Change("tidy", (Edit(0, 5, "", "why"), Edit(late, late + 4, "Seite", "why"))),)
    first, second = cut_row(row(text, changes))
    assert (len(first["changes"]), len(second["changes"])) == (1, 1)
    assert first["text"] + second["text"] == apply_all(text, changes)
    read = len(first["text"]) + 5
    assert text[read:].startswith("Page 18")
    assert [each["start"] for each in second["positions"]] == [0, late - read]
    (change,) = second["changes"]
    assert (change["start"], change["end"], change["length"]) == (late - read, late - read + 4, 5)
    assert (first["byte_end"], second["byte_start"]) == (read, read)
