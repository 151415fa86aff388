"""Every parser, unlisted, turns foreign bytes into Documents or into a reason, and into nothing else."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import random
from functools import cache

import pytest

from ingot.core.errors import InputError
from ingot.core.plugins import names
from ingot.data.document import Document, Member, Unreadable, is_row
from ingot.data.parser_choice import plugin
from ingot.data.unpacking import safe_name
from ingot.flow.source import SourceItem
from tests.data.samples import docx_bytes, epub_bytes, packed, pdf_bytes, pptx_bytes, xlsx_bytes

PARSERS = names("parser")
# They read nothing until a recipe names models, which tests do not have.
SWITCHED_OFF = ("audio", "image")
READING = [name for name in PARSERS if name not in SWITCHED_OFF]
MAIL = b"""From: Anna <anna@example.com>
Subject: Two files
Content-Type: multipart/mixed; boundary=cut

--cut
Content-Type: text/plain

Here they are.
--cut
Content-Type: text/plain
Content-Disposition: attachment; filename="../notes.txt"

Some notes.
--cut--
"""
NOTEBOOK = {"nbformat": 4, "cells": [{"cell_type": "markdown", "source": ["# A study"]}]}
SAMPLES = {
    "text": "The first line.\nThe second line, with ümlauts.\n".encode(),
    "html": b"<html><body><h1>Title</h1><p>A paragraph of text.</p></body></html>",
    "json": b'{"title": "A title", "text": "A text of some words."}\n',
    "csv": b"name,age\nAnna,42\nBo,43\n",
    "pdf": pdf_bytes("A page of text"),
    "docx": docx_bytes("A paragraph", "and another one"),
    "utf-16": "The first line.\nThe second line.\n".encode("utf-16"),
    "latex": b"\\section{One}\nA text with a formula $x^2$.\n",
    "notebook": json.dumps(NOTEBOOK).encode(),
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,500\nSomebody speaks.\n",
    "mail": MAIL,
    "xlsx": xlsx_bytes(Costs=[["what", "how much"], ["paper", "12"]]),
    "pptx": pptx_bytes(("A title", "A text", "")),
    "epub": epub_bytes("A chapter."),
    "zip": packed({"folder/notes.txt": "Some notes.", "../escape.txt": "Others."}),
    "gzip": gzip.compress(b"A line that was packed.\n", mtime=0),
}


def documents(name: str, payload: bytes, ending: str | None = None) -> list[Document | str]:
    """Parse bytes and return Documents, and the names of files inside; all else but InputError fails the test."""
    parser = plugin("parser", name)
    config = parser.config_type()
    uri = f"folder/sample.{ending or config.extensions[0]}"
    item = SourceItem(uri, "nowhere", len(payload), hashlib.sha256(payload).hexdigest(), 1000.0)
    stream = io.BytesIO(payload)
    found = list(parser.entry(stream, item, config))
    assert not stream.closed
    read = [part for part in found if isinstance(part, Document)]
    for document in read:
        check(document, item, name)
    assert len({document.doc_id for document in read}) == len(read)
    inner = [part for part in found if isinstance(part, Member | Unreadable)]
    for part in inner:
        check_inner(part)
    assert len(read) + len(inner) == len(found)
    return [*read, *(part.name for part in inner)]


def check_inner(part: Member | Unreadable) -> None:
    """Check a file inside: its name leads nowhere, its bytes are as many as said and can be read twice."""
    assert part.name == safe_name(part.name)
    if isinstance(part, Unreadable):
        assert part.reason.fix
        return
    content = part.stream.read()
    part.stream.seek(0)
    assert len(content) == part.bytes
    assert part.stream.read() == content


def check(document: Document, item: SourceItem, parser: str) -> None:
    assert document.parser == parser
    assert document.uri == item.uri
    assert document.text.strip()
    assert document.text.encode("utf-8")  # no half characters
    assert "\r" not in document.text
    assert 0 <= document.byte_start < document.byte_end
    assert len(document.doc_id) == 32
    assert "/" in document.media_type
    starts = [position.start for position in document.positions]
    assert starts == sorted(starts)
    assert all(0 <= start < len(document.text.encode("utf-8")) for start in starts)
    assert is_row(json.loads(json.dumps(document.as_row())))


def documents_or_fix(name: str, payload: bytes, ending: str) -> list[Document | str] | str:
    """Return the Documents, or what the reason for having none tells the user to do; one of them must be there."""
    try:
        return documents(name, payload, ending)
    except InputError as error:
        return error.fix


@cache
def readable(name: str) -> list[tuple[str, bytes]]:
    """Return the samples a parser reads, each with one of its first endings that makes it read them."""
    found: list[tuple[str, bytes]] = []
    for ending in plugin("parser", name).config_type().extensions[:5]:
        for payload in SAMPLES.values():
            try:
                if documents(name, payload, ending) and payload not in [each for _, each in found]:
                    found.append((ending, payload))
            except InputError:
                continue
    return found


@pytest.mark.parametrize("name", PARSERS)
def test_its_config_is_frozen_and_names_its_endings(name: str) -> None:
    config_type = plugin("parser", name).config_type
    endings = config_type().extensions
    assert config_type.__dataclass_params__.frozen
    assert endings
    assert dataclasses.fields(config_type)[0].name == "extensions"
    assert all(ending == ending.lower() and ending.isascii() and "." not in ending for ending in endings)


def test_no_ending_belongs_to_two_parsers() -> None:
    endings = [ending for name in PARSERS for ending in plugin("parser", name).config_type().extensions]
    assert sorted(endings) == sorted(set(endings))


@pytest.mark.parametrize("name", READING)
def test_it_reads_something_and_the_same_twice(name: str) -> None:
    found = readable(name)
    assert found
    for ending, payload in found:
        assert documents(name, payload, ending) == documents(name, payload, ending)


@pytest.mark.parametrize("name", SWITCHED_OFF)
def test_what_is_switched_off_says_so(name: str) -> None:
    with pytest.raises(InputError, match="is off") as caught:
        documents(name, b"\x89PNG ID3")
    assert "reference" in caught.value.fix


@pytest.mark.parametrize("name", PARSERS)
def test_an_empty_file_is_a_reason_with_a_fix(name: str) -> None:
    with pytest.raises(InputError) as caught:
        documents(name, b"")
    assert "empty" in caught.value.what
    assert caught.value.fix


@pytest.mark.parametrize("name", PARSERS)
def test_rubbish_is_a_reason_with_a_fix(name: str) -> None:
    with pytest.raises(InputError) as caught:
        documents(name, random.Random(1).randbytes(50_000))
    assert caught.value.fix


@pytest.mark.parametrize("name", READING)
def test_a_torn_file_gives_documents_or_a_reason(name: str) -> None:
    for ending, payload in readable(name)[:3]:
        for share in (0.1, 0.5, 0.9):
            assert documents_or_fix(name, payload[: int(share * len(payload))], ending)


@pytest.mark.parametrize("name", READING)
def test_flipped_bytes_give_documents_or_a_reason(name: str) -> None:
    generator = random.Random(7)
    for ending, payload in readable(name)[:3]:
        for _ in range(10):
            damaged = bytearray(payload)
            for _ in range(5):
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
            assert documents_or_fix(name, bytes(damaged), ending)
