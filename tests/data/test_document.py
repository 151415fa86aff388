"""A Document's identity depends on its place and its text, and survives a round trip."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from ingot.core.errors import InputError
from ingot.data.document import SCHEMA, Piece, Position, as_documents, document_id, from_row, is_row
from ingot.flow.source import SourceItem

ITEM = SourceItem("a/b.txt", "/somewhere/a/b.txt", 20, "0" * 64, 5.0)


def test_one_piece_has_no_parent_and_several_share_one() -> None:
    (alone,) = as_documents(iter([Piece("text", 0, 4)]), ITEM, media_type="text/plain", parser="text")
    assert alone.parent_id is None
    pieces = [Piece("one", 0, 3), Piece(" ", 3, 4), Piece("two", 4, 7)]
    several = list(as_documents(iter(pieces), ITEM, media_type="text/plain", parser="text"))
    assert [document.text for document in several] == ["one", "two"]
    assert several[0].parent_id == several[1].parent_id is not None
    assert len({*(document.doc_id for document in several), several[0].parent_id}) == 3


def test_the_id_follows_place_and_content() -> None:
    ids = {
        document_id("a", 0, 4, "x"),
        document_id("b", 0, 4, "x"),
        document_id("a", 1, 4, "x"),
        document_id("a", 0, 5, "x"),
        document_id("a", 0, 4, "y"),
    }
    assert len(ids) == 5
    assert all(len(each) == 32 for each in ids)


def test_the_place_on_this_machine_is_not_part_of_it() -> None:
    elsewhere = SourceItem(ITEM.uri, "/other/place", ITEM.bytes, ITEM.sha256, ITEM.modified)
    pieces = [Piece("text", 0, 4)]
    here = list(as_documents(iter(pieces), ITEM, media_type="text/plain", parser="text"))
    there = list(as_documents(iter(pieces), elsewhere, media_type="text/plain", parser="text"))
    assert here == there


def test_blank_text_is_refused() -> None:
    with pytest.raises(InputError, match="no text"):
        list(as_documents(iter([Piece(" \n", 0, 2)]), ITEM, media_type="text/plain", parser="text"))


def test_it_survives_json_and_parquet_types() -> None:
    piece = Piece("größer", 0, 8, (Position("page", "7", 0),))
    (document,) = as_documents(iter([piece]), ITEM, media_type="text/plain", parser="text")
    assert from_row(json.loads(json.dumps(document.as_row()))) == document
    (row,) = pa.Table.from_pylist([document.as_row()], schema=SCHEMA).to_pylist()
    assert from_row(row) == document


@pytest.mark.parametrize(
    "change",
    [
        {"text": 5},
        {"text": None},
        {"text": "half \ud800"},
        {"byte_start": "0"},
        {"byte_start": True},
        {"byte_end": 2**70},
        {"access": "everybody"},
        {"access": [1]},
        {"modified": "now"},
        {"positions": [{"kind": "page", "label": "1"}]},
        {"positions": [["page", "1", 0]]},
        {"extra": 1},
    ],
)
def test_what_another_process_says_is_looked_at_before_it_is_believed(change: dict[str, object]) -> None:
    (document,) = as_documents(iter([Piece("text", 0, 4)]), ITEM, media_type="text/plain", parser="text")
    assert is_row(document.as_row())
    assert not is_row({**document.as_row(), **change})
    assert not is_row([document.as_row()])
