"""HTML pages: their text as Markdown, without navigation, scripts, forms and pictures.

The encoding is what the page says about itself, else what its bytes say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.data.cutting import cut_text
from ingot.data.decoding import decode, uniform_lines
from ingot.data.document import Document, as_documents
from ingot.data.extraction import extract
from ingot.flow.source import SourceItem

_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_XML_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]+)""")
_HEAD_BYTES = 4096


@dataclass(frozen=True)
class Config:
    """Settings of the HTML parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("html", "htm", "xhtml")
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the page's text as one Document, or as pieces when it is long; spans are in the extracted text."""
    found = extract(stream, item, media_type="text/html", html=_decoded(stream.read()))
    return as_documents(
        cut_text(found.text, config.piece_bytes, found.positions), item, media_type="text/html", parser="html"
    )


def _decoded(payload: bytes) -> str:
    head = payload[:_HEAD_BYTES]
    declared = _DECLARED.search(head) or _XML_DECLARED.search(head)
    name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    if name in ("utf-8", "utf8", "utf-16"):
        return decode(payload)
    try:
        return uniform_lines(payload.decode(name))
    except (LookupError, UnicodeError):
        return decode(payload)  # pages are often wrong about themselves
