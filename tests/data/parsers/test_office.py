"""Word documents become Markdown; the media type follows the name."""

from __future__ import annotations

from tests.data.samples import docx_bytes, parse


def test_a_word_document_gives_its_paragraphs() -> None:
    (document,) = parse("office", "letter.docx", docx_bytes("Dear Anna,", "come soon."))
    assert document.text == "Dear Anna,\n\ncome soon."
    assert document.media_type.endswith("wordprocessingml.document")


def test_an_e_mail_gives_its_head_and_body() -> None:
    mail = b"From: Anna <anna@example.com>\r\nSubject: Leave\r\nContent-Type: text/plain\r\n\r\nI am away.\r\n"
    (document,) = parse("office", "mail.eml", mail)
    assert "Leave" in document.text
    assert "<anna@example.com>" in document.text
    assert "I am away." in document.text


def test_a_long_document_is_cut_at_paragraphs() -> None:
    payload = docx_bytes(*(f"Paragraph number {number}." for number in range(300)))
    documents = parse("office", "long.docx", payload, piece_bytes=900)
    assert len(documents) > 5
    assert all(document.text.startswith("Paragraph") for document in documents)
