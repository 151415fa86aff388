"""Every parser, unlisted, turns foreign bytes into Documents or into a reason, and into nothing else."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import random
from functools import cache

import pytest

from ingot.core.errors import InputError
from ingot.core.plugins import names
from ingot.data.document import Document
from ingot.data.parser_choice import plugin
from ingot.flow.source import SourceItem
from tests.data.samples import docx_bytes, pdf_bytes

PARSERS = names("parser")
SAMPLES = {
    "text": "The first line.\nThe second line, with ümlauts.\n".encode(),
    "html": b"<html><body><h1>Title</h1><p>A paragraph of text.</p></body></html>",
    "json": b'{"title": "A title", "text": "A text of some words."}\n',
    "csv": b"name,age\nAnna,42\nBo,43\n",
    "pdf": pdf_bytes("A page of text"),
    "docx": docx_bytes("A paragraph", "and another one"),
    "utf-16": "The first line.\nThe second line.\n".encode("utf-16"),
}


def documents(name: str, payload: bytes, ending: str | None = None) -> list[Document]:
    """Parse bytes; anything but Documents and InputError fails the test."""
    parser = plugin("parser", name)
    config = parser.config_type()
    uri = f"folder/sample.{ending or config.extensions[0]}"
    item = SourceItem(uri, "nowhere", len(payload), hashlib.sha256(payload).hexdigest(), 1000.0)
    stream = io.BytesIO(payload)
    found = list(parser.entry(stream, item, config))
    assert not stream.closed
    for document in found:
        check(document, item, name)
    assert len({document.doc_id for document in found}) == len(found)
    return found


def check(document: Document, item: SourceItem, parser: str) -> None:
    assert document.parser == parser
    assert document.uri == item.uri
    assert document.text.strip()
    assert document.text.encode("utf-8")  # no half characters
    assert "\r" not in document.text
    assert 0 <= document.byte_start < document.byte_end
    assert len(document.doc_id) == 32
    assert "/" in document.media_type


def documents_or_fix(name: str, payload: bytes, ending: str) -> list[Document] | str:
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


@pytest.mark.parametrize("name", PARSERS)
def test_it_reads_something_and_the_same_twice(name: str) -> None:
    found = readable(name)
    assert found
    for ending, payload in found:
        assert documents(name, payload, ending) == documents(name, payload, ending)


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


@pytest.mark.parametrize("name", PARSERS)
def test_a_torn_file_gives_documents_or_a_reason(name: str) -> None:
    for ending, payload in readable(name)[:3]:
        for share in (0.1, 0.5, 0.9):
            assert documents_or_fix(name, payload[: int(share * len(payload))], ending)


@pytest.mark.parametrize("name", PARSERS)
def test_flipped_bytes_give_documents_or_a_reason(name: str) -> None:
    generator = random.Random(7)
    for ending, payload in readable(name)[:3]:
        for _ in range(10):
            damaged = bytearray(payload)
            for _ in range(5):
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
            assert documents_or_fix(name, bytes(damaged), ending)
