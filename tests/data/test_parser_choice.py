"""The parser is found by name, else by content; what has none is refused with what it is."""

from __future__ import annotations

import io

import pytest

from ingot.core.errors import InputError
from ingot.data.parser_choice import choose, ending_of, endings
from tests.data.samples import docx_bytes, pdf_bytes, xlsx_bytes


@pytest.mark.parametrize(
    ("uri", "payload", "parser"),
    [
        ("a/b.TXT", b"x", "text"),
        ("readme.md", b"x", "markdown"),
        ("page.htm", b"x", "html"),
        ("main.py", b"x", "code"),
        ("table.csv", b"x", "table"),
        ("rows.jsonl", b"x", "jsonl"),
        ("paper.pdf", b"x", "pdf"),
        ("letter.docx", b"x", "office"),
        ("LICENSE", b"Permission is granted", "text"),
        ("Makefile", b"all:\n\techo", "text"),
        (".gitignore", b"*.o", "text"),
        ("page.unknown", b"<!DOCTYPE html><html></html>", "html"),
        ("paper", pdf_bytes("x"), "pdf"),
        ("letter.backup", docx_bytes("x"), "office"),
        ("strange.ending", "größer".encode("utf-16"), "text"),
        ("mail.eml", b"x", "mail"),
        ("old.doc", b"x", "office"),
        ("talk.pptx", b"x", "slides"),
        ("costs.xls", b"x", "sheets"),
        ("novel.epub", b"x", "book"),
        ("all.tar.gz", b"x", "archive"),
        ("study.ipynb", b"x", "notebook"),
        ("paper.tex", b"x", "latex"),
        ("film.srt", b"x", "subtitles"),
        ("paper.xml", b'<?xml version="1.0"?><!-- a > b --><!DOCTYPE article [<!ENTITY a "b">]><article>', "xml"),
        ("paper.nxml", b"<article>", "xml"),
        ("no.xml", b"just words", "xml"),
        ("wide.xml", '<?xml version="1.0"?><svg/>'.encode("utf-16"), "code"),
        ("page.xml", b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', "html"),
        ("pom.xml", b'<project xmlns="http://maven.apache.org/POM/4.0.0">', "code"),
        ("sheet.xml", b'<xsl:stylesheet version="1.0">', "code"),
        ("types.xsd", b"<xs:schema>", "code"),
        ("main.xml", b'<LinearLayout xmlns:android="http://schemas.android.com/apk/res/android">', "code"),
        ("app.csproj", b'<Project Sdk="Microsoft.NET.Sdk">', "text"),
        ("text.unknown", b'\xef\xbb\xbf<?xml version="1.0"?>\n<TEI>', "xml"),
        ("photo.JPG", b"x", "image"),
        ("talk.mp3", b"x", "audio"),
        ("renamed.doc", docx_bytes("x"), "office"),
        ("renamed.docx", xlsx_bytes(A=[["x"]]), "sheets"),
        ("export.xls", b"<html><table><tr><td>x</td></tr></table></html>", "html"),
        ("table", xlsx_bytes(A=[["x"]]), "sheets"),
    ],
)
def test_the_parser_is_found(uri: str, payload: bytes, parser: str) -> None:
    stream = io.BytesIO(payload)
    assert choose(uri, stream, endings()) == parser
    assert stream.tell() == 0


@pytest.mark.parametrize(
    ("uri", "payload", "said"),
    [
        ("photo.heic", b"", "a picture"),
        ("all.7z", b"", "an archive"),
        ("weights.pt", b"", "a pickle"),
        ("weights.pkl", b"", "a pickle"),
        ("letter.pages", b"", "an iWork document"),
        ("data.unknown", b"\x00\x01\x02" * 100, "binary data"),
        ("archive", b"PK\x03\x04" + bytes(100), "a ZIP archive"),
        ("empty", b"", ""),
    ],
)
def test_what_has_no_parser_is_refused_with_what_it_is(uri: str, payload: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        choose(uri, io.BytesIO(payload), endings())
    assert said in caught.value.why
    assert caught.value.fix


def test_endings_of_names() -> None:
    names = ("a.txt", "a.b.TXT", ".hidden", "none", "folder.d/none", "end.")
    assert [ending_of(name) for name in names] == ["txt", "txt", "", "", "", ""]
