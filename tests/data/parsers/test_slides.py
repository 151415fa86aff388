"""Presentations give their slides, each with a position and its notes."""

from __future__ import annotations

from ingot.data.document import Position
from tests.data.samples import odp_bytes, parse, pptx_bytes


def test_slides_with_notes() -> None:
    slides = [("First", "One thing.", ""), ("Second", "Another.", "Say hello.")]
    (document,) = parse("slides", "talk.pptx", pptx_bytes(*slides))
    assert document.text == "## First\n\nOne thing.\n\n## Second\n\nAnother.\n\nNotes: Say hello."
    assert document.positions == (Position("slide", "1", 0), Position("slide", "2", 22))


def test_an_open_document_presentation() -> None:
    page = "<draw:page><draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame></draw:page>"
    (document,) = parse("slides", "talk.odp", odp_bytes(page.format("One") + page.format("Two")))
    assert document.text == "One\n\nTwo"
    assert [position.label for position in document.positions] == ["1", "2"]
    assert document.media_type.endswith("opendocument.presentation")
