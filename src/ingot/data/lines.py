"""The lines of an encoded text with their exact byte spans, in bounded memory: for tables and JSON Lines."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.data.decoding import SAMPLE_BYTES, detect
from ingot.data.document import Piece

MOST_CHARACTERS = 64 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")


def encoded_lines(stream: BinaryIO) -> Iterator[Piece]:
    """Yield every line, its line end included. Raises InputError for no text or an endless line."""
    sample = stream.read(SAMPLE_BYTES)
    encoding = detect(sample, is_whole=len(sample) < SAMPLE_BYTES)
    stream.seek(encoding.mark_bytes)
    # Keeps broken bytes countable; only UTF-8 promises that they can be. They become replacement characters below.
    # In a broken file of another encoding with several bytes a character, spans after the break are off by some bytes.
    errors = "surrogateescape" if encoding.name == "utf-8" else "replace"
    text = io.TextIOWrapper(stream, encoding.name, errors=errors, newline="")
    unit = len("\n".encode(encoding.name))
    position = encoding.mark_bytes
    try:
        while line := text.readline(MOST_CHARACTERS):
            if len(line) == MOST_CHARACTERS:
                raise InputError(
                    "a single line is too long to hold", why=f"it begins at byte {position}", fix="split it"
                )
            size = len(line) * unit if line.isascii() else len(line.encode(encoding.name, errors))
            yield Piece(without_broken(line), position, position + size)
            position += size
    finally:
        if not stream.closed:
            text.detach()  # the stream is the caller's to close


def without_broken(text: str) -> str:
    """Return the text with lone surrogates, which no encoding can hold, as replacement characters."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
