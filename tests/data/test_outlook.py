"""The attachments of Outlook messages."""

from __future__ import annotations

from ingot.data.outlook import outlook_attachments
from tests.data.compound_file import compound_bytes, message_bytes


def test_names_and_contents() -> None:
    attachments = {"notes.txt": b"Some notes.", "größe.csv": b"a,b\n" * 2000}
    assert outlook_attachments(message_bytes("Two files", "Here.", attachments)) == list(attachments.items())


def test_names_in_a_code_page_and_without_any() -> None:
    streams = {
        "__attach_version1.0_#00000000/__substg1.0_37010102": b"x",
        "__attach_version1.0_#00000000/__substg1.0_3704001E": "größe.txt".encode("cp1252"),
        "__attach_version1.0_#00000001/__substg1.0_37010102": b"y",
    }
    assert outlook_attachments(compound_bytes(streams)) == [("größe.txt", b"x"), ("attachment", b"y")]


def test_a_message_without_attachments_has_none() -> None:
    assert outlook_attachments(message_bytes("Hello", "Text.", {})) == []
