"""From UTF-8 to characters, a bounded part of a text at a time, and what is counted in single characters."""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.characters import (
    BROKEN_LEAD,
    BROKEN_TAIL,
    BROKEN_THIRD,
    CODE_POINTS,
    DIGIT,
    LETTER,
    SPACE,
    SYMBOL,
)
from ingot.data.statistics.arrays import ZERO, Bytes, Row, Text
from ingot.data.statistics.counts import Count
from ingot.data.statistics.hashing import FACTOR, FIRST_SHIFT, SEED, mixed

_NEWLINE, _HASH, _PERIOD, _ELLIPSIS = ord("\n"), ord("#"), ord("."), ord("…")
_REPLACEMENT, _A_CIRCUMFLEX, _EURO = 0xFFFD, ord("â"), ord("€")
_TWO_BYTES, _THREE_BYTES, _FOUR_BYTES = 0x80, 0x800, 0x10000
_LEAD_OF_THREE, _LEAD_OF_FOUR, _TAIL = 0xE0, 0xF0, 0x3F
_BYTES_AT_ONCE = 8


@compiled
def decode(data: Bytes, start: int, end: int, alphabet: Text, text: Text, room: int) -> tuple[int, int]:
    """Decode from byte `start` to `end`, at most `room` characters; return how many these are and the next byte.

    Bytes that are no UTF-8 give other characters, but never any beyond the table or the text.
    """
    place = start
    count = ZERO
    while place < end and count < room:
        code = np.int64(data[place])
        size = 1
        if code >= _TWO_BYTES:
            size = 2 if code < _LEAD_OF_THREE else 3 if code < _LEAD_OF_FOUR else 4
            code &= _TWO_BYTES - 1 >> size
            for following in range(place + 1, min(place + size, end)):
                code = (code << 6) | (data[following] & _TAIL)
        text[count] = alphabet[code if code < CODE_POINTS else CODE_POINTS - 1]
        count += 1
        place += size
    return count, place


@compiled
def last_break(text: Text, count: int) -> int:
    """Return where to cut a part of a longer text: after its last newline, or white space, in its second half."""
    for place in range(count, count // 2, -1):
        if np.uint32(text[place - 1]) == _NEWLINE:
            return place
    for place in range(count, count // 2, -1):
        if text[place - 1] & SPACE:
            return place
    return count


@compiled
def encoded_size(text: Text, start: int, end: int) -> int:
    """Return how many bytes of UTF-8 some characters have."""
    size = 0
    for place in range(start, end):
        code = np.uint32(text[place])
        size += 1 + int(code >= _TWO_BYTES) + int(code >= _THREE_BYTES) + int(code >= _FOUR_BYTES)
    return size


@compiled
def byte_hash(data: Bytes, start: int, end: int) -> np.uint64:
    """Return a hash of bytes, taken eight at a time."""
    value = SEED ^ np.uint64(end - start)
    place = start
    while place < end:
        word = np.uint64(0)
        for offset in range(min(_BYTES_AT_ONCE, end - place)):
            word |= np.uint64(data[place + offset]) << np.uint64(_BYTES_AT_ONCE * offset)
        value = (value ^ word) * FACTOR
        value ^= value >> FIRST_SHIFT
        place += _BYTES_AT_ONCE
    return mixed(value)


@compiled
def tally(text: Text, end: int, row: Row) -> None:
    """Count characters by their kinds."""
    letters = digits = symbols = newlines = hashes = leads = 0
    for place in range(end):
        character = text[place]
        letters += (character & LETTER) != 0
        digits += (character & DIGIT) != 0
        symbols += (character & SYMBOL) != 0
        leads += (character & BROKEN_LEAD) != 0
        newlines += np.uint32(character) == _NEWLINE
        hashes += np.uint32(character) == _HASH
    row[Count.CHARACTERS] += end
    row[Count.WORD_CHARACTERS] += letters + digits
    row[Count.DIGITS] += digits
    row[Count.SYMBOLS] += symbols
    row[Count.NEWLINES] += newlines
    row[Count.HASHES] += hashes
    row[Count.ELLIPSES] += _ellipses(text, end)
    if leads:
        row[Count.BROKEN] += _broken(text, end)


@compiled
def _ellipses(text: Text, end: int) -> int:
    found = run = 0
    for place in range(end):
        code = np.uint32(text[place])
        if code == _PERIOD:
            run += 1
            if run == 3:
                found += 1
                run = 0
        else:
            run = 0
            found += code == _ELLIPSIS
    return found


@compiled
def _broken(text: Text, end: int) -> int:
    """Count what one wrongly read character became: U+FFFD, or two signs, or the three that begin with `â€`."""
    found = place = 0
    while place < end:
        length = 1
        if text[place] & BROKEN_LEAD:
            code = np.uint32(text[place])
            if code == _REPLACEMENT:
                found += 1
            elif code == _A_CIRCUMFLEX:
                is_third = place + 2 < end and np.uint32(text[place + 1]) == _EURO and text[place + 2] & BROKEN_THIRD
                length = 3 if is_third else 1
                found += length == 3
            elif place + 1 < end and text[place + 1] & BROKEN_TAIL:
                found += 1
                length = 2
        place += length
    return found
