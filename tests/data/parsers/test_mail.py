"""A letter is one document, and what is attached to it goes to other parsers."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.data.document import Document, Member
from tests.data.compound_file import message_bytes
from tests.data.samples import parse

PLAIN = b"From: Anna <anna@example.com>\r\nSubject: Leave\r\nContent-Type: text/plain\r\n\r\nI am away.\r\n"


def letter(payload: bytes, name: str = "mail.eml") -> tuple[str, list[Member]]:
    """Return the text of a mail and its attachments."""
    found: list[Any] = list(parse("mail", name, payload))
    (text,) = [part.text for part in found if isinstance(part, Document)]
    return text, [part for part in found if isinstance(part, Member)]


def mixed(*parts: str, kind: str = "mixed") -> bytes:
    """Return a mail of parts, each with its own head."""
    body = "".join(f"--cut\r\n{part}\r\n" for part in parts)
    return (
        f"Subject: S\r\nFrom: a@b.c\r\nContent-Type: multipart/{kind}; boundary=cut\r\n\r\n{body}--cut--\r\n"
    ).encode()


def test_a_letter_gives_its_head_and_body() -> None:
    text, attached = letter(PLAIN)
    assert text == "# Leave\n\nFrom: Anna <anna@example.com>\n\nI am away."
    assert attached == []


def test_words_in_the_head_are_decoded() -> None:
    text, _ = letter(b"Subject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\r\nFrom: =?latin-1?q?J=FCrgen?= <j@x.y>\r\n\r\nText.")
    assert text.startswith("# Größe\n\nFrom: Jürgen <j@x.y>")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
def test_a_letter_saved_in_another_encoding(encoding: str) -> None:
    text, _ = letter(PLAIN.decode().encode(encoding))
    assert "I am away." in text


def test_attachments_come_with_their_names() -> None:
    text, attached = letter(
        mixed(
            "Content-Type: text/plain\r\n\r\nHere they are.",
            'Content-Type: text/csv\r\nContent-Disposition: attachment; filename="../../a/b.csv"\r\n\r\nx,y',
            "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=",
        )
    )
    assert "Attachments: a_b.csv, attachment.pdf" in text
    assert text.endswith("Here they are.")
    assert [(member.name, member.stream.read()) for member in attached] == [
        ("a_b.csv", b"x,y"),
        ("attachment.pdf", b"%PDF-"),
    ]


def test_two_attachments_of_one_name_stay_two() -> None:
    part = 'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\n'
    _, attached = letter(mixed(f"{part}one", f"{part}two"))
    assert [member.name for member in attached] == ["a.txt", "2-a.txt"]


def test_a_forwarded_mail_is_an_attachment_of_its_own() -> None:
    inner = "Subject: Inner\r\nFrom: c@d.e\r\n\r\nDeep words."
    _, (attached,) = letter(
        mixed("Content-Type: text/plain\r\n\r\nSee below.", f"Content-Type: message/rfc822\r\n\r\n{inner}")
    )
    assert attached.name == "Inner.eml"
    assert b"Deep words." in attached.stream.read()


def test_of_alternatives_plain_text_is_taken_and_else_the_html() -> None:
    html = "Content-Type: text/html\r\n\r\n<p>Rich <b>words</b>.</p>"
    both, _ = letter(mixed("Content-Type: text/plain\r\n\r\nPlain words.", html, kind="alternative"))
    assert both.endswith("Plain words.")
    rich, _ = letter(mixed("Content-Type: text/plain\r\n\r\n ", html, kind="alternative"))
    assert rich.endswith("Rich **words**.")


def test_signatures_and_pictures_of_the_letter_are_left_out() -> None:
    text, attached = letter(
        mixed(
            "Content-Type: text/plain\r\n\r\nWords.",
            "Content-Type: image/png\r\nContent-ID: <logo>\r\nContent-Disposition: inline\r\n\r\nx",
            "Content-Type: application/pgp-signature; name=signature.asc\r\n\r\nx",
        )
    )
    assert attached == []
    assert "Attachments" not in text


def test_an_outlook_message() -> None:
    text, attached = letter(message_bytes("Two files", "Here they are.", {"notes.txt": b"Some notes."}), "mail.msg")
    assert text.startswith("# Two files")
    assert "Attachments: notes.txt" in text
    assert "Here they are." in text
    assert [(member.name, member.stream.read()) for member in attached] == [("notes.txt", b"Some notes.")]


@pytest.mark.parametrize(
    "payload",
    [
        b"Subject: =?utf-8?q?=FF=FE?=\r\nFrom: <<<>>>\r\nTo: @@,;\r\nDate: never\r\n\r\nText.",
        b"Subject: S\r\nContent-Type: text/plain; charset=no-such\r\n\r\nText.",
        b"Subject: S\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nText.",
        b"Subject: S\r\nContent-Type: multipart/mixed\r\n\r\nText.",
        b'Subject: S\r\nContent-Type: multipart/mixed; boundary=""\r\n\r\nText.',
        mixed(*["Content-Type: multipart/mixed; boundary=cut\r\n\r\n"] * 50),
    ],
)
def test_broken_mails_give_what_they_have(payload: bytes) -> None:
    text, _ = letter(payload)
    assert text


def test_parts_nested_without_end_have_a_reason() -> None:
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(5000))
    with pytest.raises(InputError, match="too deep") as caught:
        letter(f"Subject: S\n{parts}".encode())
    assert caught.value.fix


def test_a_text_is_no_mail() -> None:
    with pytest.raises(InputError, match="not an e-mail"):
        letter(b"Just some words.\n")
