"""From an item of a snapshot to the bytes a parser may have, and what its source says about it.

A file can change between the moment it was listed and the moment it is read. The parser gets exactly the bytes whose
hash the snapshot holds, or the item fails: what the lineage says was read is what was read.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.flow.source import SourceItem

# Up to this size a file is read once, hashed and parsed from memory; a larger one is read twice.
_HELD_BYTES = 32 << 20
# A source that knows what an item is (a web server, a mailbox) is believed before the ending of a name.
_ENDING_OF = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    "text/csv": "csv",
    "application/json": "json",
    "application/pdf": "pdf",
    "message/rfc822": "eml",
}
_TERMS = ("owner", "licence", "access", "retention")


@contextlib.contextmanager
def as_hashed(opened: BinaryIO, item: SourceItem) -> Iterator[BinaryIO]:
    """Give the bytes the snapshot hashed, at their beginning. Raises InputError when they are others by now.

    A file too large to hold is checked before and after; what was parsed of it until then has been handed on.
    """
    if item.bytes <= _HELD_BYTES:
        content = opened.read(item.bytes + 1)
        if len(content) != item.bytes or hashlib.sha256(content).hexdigest() != item.sha256:
            raise _changed()
        yield io.BytesIO(content)
        return
    before = _state(opened)
    if _sha256(opened) != item.sha256:
        raise _changed()
    opened.seek(0)
    yield opened
    if _state(opened) != before:
        raise _changed()


def name_for_parser(item: SourceItem) -> str:
    """Return the name by which a parser is chosen: the item's own, or one that says its media type.

    >>> name_for_parser(SourceItem("https://example.org/page.php", "", 0, "", 0.0, media_type="text/html"))
    'item.html'
    """
    ending = _ENDING_OF.get(item.media_type or "")
    return f"item.{ending}" if ending else item.uri


def own_terms(item: SourceItem) -> dict[str, Any]:
    """Return the columns its source fills for this item; they go before what a recipe says of all documents."""
    own: dict[str, Any] = {name: value for name in _TERMS if (value := getattr(item, name))}
    return {**own, "access": list(own["access"])} if "access" in own else own


def _sha256(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _state(stream: BinaryIO) -> tuple[int, int] | None:
    try:
        status = os.fstat(stream.fileno())
    except io.UnsupportedOperation:  # it is in memory, where nobody else writes
        return None
    return status.st_size, status.st_mtime_ns


def _changed() -> InputError:
    return InputError("it changed while it was being read", fix="run the build again when nobody writes to it")
