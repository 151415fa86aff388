"""XML is read; what could make it expand, or reach elsewhere, is refused before it is."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from ingot.data.plain_xml import local_name, parse_xml

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha"}">' for n in range(9))


def test_plain_xml_is_read() -> None:
    root = parse_xml(b"<?xml version='1.0'?><!-- a note --><x:a xmlns:x='y'>text</x:a>", "here")
    assert (local_name(root), root.text) == ("a", "text")


@pytest.mark.parametrize(
    "content",
    [
        f"<?xml version='1.0'?><!DOCTYPE a [{LAUGHS}]><a>&a8;</a>".encode(),
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<!doctype a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        f"<!DOCTYPE a [{LAUGHS}]><a>&a8;</a>".encode("utf-16"),
        f"<!DOCTYPE a [{LAUGHS}]><a>&a8;</a>".encode("utf-16-le"),
        b"<!--" + b"x" * 70_000 + b"--><!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        b"",
        b"plain text",
        b"<a><b></a>",
        b"<a>" * 10,
        b"<?xml version='1.0' encoding='no-such'?><a/>",
    ],
)
def test_everything_else_is_refused(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        parse_xml(content, "here")
    assert caught.value.fix
