"""Books give their chapters in order."""

from __future__ import annotations

from tests.data.samples import epub_bytes, parse


def test_chapters_in_order() -> None:
    (document,) = parse("book", "novel.epub", epub_bytes("It begins.", "It goes on.", "It ends."))
    assert document.text == "It begins.\n\nIt goes on.\n\nIt ends."
    assert document.media_type == "application/epub+zip"
