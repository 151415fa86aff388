"""Cut a text of any length into pieces of bounded size, at paragraph, line or word boundaries, in bounded memory.

The cut is made in the file's own bytes, so spans are exact in every encoding. Per piece the last paragraph break in
the second half of the window is preferred, then the last line break, then the last space; a text without any (a
base64 blob, a DNA sequence, some scripts) is cut between two characters.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from ingot.data.decoding import SAMPLE_BYTES, Encoding, detect, uniform_lines
from ingot.data.document import Piece, Position

# A character of another encoding may need up to three times its bytes in UTF-8, which is what the limit is about.
_UTF8_GROWTH = 3


def text_pieces(stream: BinaryIO, piece_bytes: int, start: int = 0) -> Iterator[Piece]:
    """Yield the pieces of an encoded text, from byte `start` on, with exact byte spans; line ends become line feeds.

    No piece is longer than `piece_bytes` in UTF-8. Holds at most the detection sample and one window in memory.
    Raises InputError when the stream is empty or not text.
    """
    sample = stream.read(SAMPLE_BYTES)
    encoding = detect(sample, is_whole=len(sample) < SAMPLE_BYTES)
    window = piece_bytes if encoding.name == "utf-8" else max(4, piece_bytes // _UTF8_GROWTH)
    start = max(start, encoding.mark_bytes)
    held = bytearray(sample[start:])
    position, is_end = start, False
    while held or not is_end:
        while len(held) <= window and not is_end:
            chunk = stream.read(window)
            is_end = not chunk
            held += chunk
        cut = len(held) if len(held) <= window else boundary(bytes(held[:window]), encoding)
        if cut:
            yield Piece(_decoded(held[:cut], encoding), position, position + cut)
        del held[:cut]
        position += cut


def boundary(window: bytes, encoding: Encoding) -> int:
    """Return where to cut a window, in bytes: after a paragraph, a line, a word, or else a whole character."""
    for separator in ("\n\n", "\r\n\r\n", "\n", " "):
        encoded = separator.encode(encoding.name)
        place = _last(encoded, window, len("\n".encode(encoding.name)))
        if place > len(window) // 2:
            return place + len(encoded)
    decoder = codecs.getincrementaldecoder(encoding.name)("replace")
    decoder.decode(window)
    pending = len(decoder.getstate()[0])
    cut = len(window) - pending
    # A lone carriage return may be the first half of a line end.
    carriage_return = "\r".encode(encoding.name)
    cut -= len(carriage_return) if window[:cut].endswith(carriage_return) else 0
    return cut if cut > 0 else len(window)


def cut_text(text: str, piece_bytes: int, positions: Sequence[Position] = ()) -> Iterator[Piece]:
    """Yield the pieces of a text already in memory; spans and positions (in order) are in its UTF-8 bytes."""
    payload = text.encode("utf-8", errors="replace")
    utf8 = Encoding("utf-8")
    position = 0
    while position < len(payload):
        window = payload[position : position + piece_bytes]
        is_last = position + len(window) == len(payload)
        cut = len(window) if is_last else boundary(window, utf8)
        inside = positions_within(positions, position, position + cut)
        yield Piece(window[:cut].decode("utf-8", errors="replace"), position, position + cut, inside)
        position += cut


def positions_within(positions: Sequence[Position], start: int, end: int) -> tuple[Position, ...]:
    """Return what begins between two bytes, counted from the first; before it the page or sheet that goes on there."""
    inside = tuple(replace(each, start=each.start - start) for each in positions if start <= each.start < end)
    if any(each.start == 0 and each.kind != "table" for each in inside):
        return inside
    begun = [each for each in positions if each.start < start and each.kind != "table"]
    return (replace(begun[-1], start=0), *inside) if begun else inside


def _last(separator: bytes, window: bytes, unit: int) -> int:
    """Find the last separator that begins on a character boundary, or -1."""
    place = window.rfind(separator)
    while place > 0 and place % unit:
        place = window.rfind(separator, 0, place + len(separator) - 1)
    return place


def _decoded(payload: bytes | bytearray, encoding: Encoding) -> str:
    return uniform_lines(bytes(payload).decode(encoding.name, errors="replace"))
