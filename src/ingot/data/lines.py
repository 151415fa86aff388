"""The lines of an encoded text with their exact byte spans, in bounded memory: for tables and JSON Lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.data.decoding import SAMPLE_BYTES, detect
from ingot.data.document import Piece

MOST_CHARACTERS = 64 << 20


def encoded_lines(stream: BinaryIO) -> Iterator[Piece]:
    """Yield every line, its line end included. Raises InputError for no text or an endless line."""
    sample = stream.read(SAMPLE_BYTES)
    encoding = detect(sample, is_whole=len(sample) < SAMPLE_BYTES)
    stream.seek(encoding.mark_bytes)
    # "surrogateescape" keeps broken bytes countable; they become replacement characters in the text.
    text = io.TextIOWrapper(stream, encoding.name, errors="surrogateescape", newline="")
    unit = len("\n".encode(encoding.name))
    position = encoding.mark_bytes
    try:
        while line := text.readline(MOST_CHARACTERS):
            if len(line) == MOST_CHARACTERS:
                raise InputError(
                    "a single line is too long to hold", why=f"it begins at byte {position}", fix="split it"
                )
            size = len(line) * unit if line.isascii() else len(line.encode(encoding.name, "surrogateescape"))
            yield Piece(without_broken(line), position, position + size)
            position += size
    finally:
        text.detach()  # the caller closes the stream


def without_broken(text: str) -> str:
    """Return the text with lone surrogates, which no encoding can hold, as replacement characters."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
