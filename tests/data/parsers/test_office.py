"""Word documents become Markdown; the media type follows the name."""

from __future__ import annotations

from tests.data.samples import docx_bytes, parse


def test_a_word_document_gives_its_paragraphs() -> None:
    (document,) = parse("office", "letter.docx", docx_bytes("Dear Anna,", "come soon."))
    assert document.text == "Dear Anna,\n\ncome soon."
    assert document.media_type.endswith("wordprocessingml.document")


def test_a_file_of_another_format_than_its_name_is_read() -> None:
    (document,) = parse("office", "letter.doc", docx_bytes("Dear Anna,"))
    assert document.text == "Dear Anna,"
    assert document.media_type.endswith("wordprocessingml.document")


def test_rtf_gives_its_text() -> None:
    (document,) = parse("office", "letter.rtf", rb"{\rtf1\ansi Dear {\b Anna}, gr\'fc\'dfe.\par Come soon.}")
    assert "Anna" in document.text
    assert "grüße" in document.text
    assert "Come soon." in document.text
    assert document.media_type == "application/rtf"


def test_a_long_document_is_cut_at_paragraphs() -> None:
    payload = docx_bytes(*(f"Paragraph number {number}." for number in range(300)))
    documents = parse("office", "long.docx", payload, piece_bytes=900)
    assert len(documents) > 5
    assert all(document.text.startswith("Paragraph") for document in documents)
