"""Lines and paragraphs: how many, how they end, and which repeat an earlier one.

Every published statistic has its own idea of a line. Gopher's repetition cuts at runs of newlines and keeps what is
empty at either end; its paragraphs are cut at two newlines or more, without white space around the whole. FineWeb cuts
at each newline and leaves out blank lines. Gopher's quality and C4 take Python's splitlines (see c4).
"""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.characters import LINE_END, SPACE
from ingot.data.statistics.arrays import ZERO, Row, Table, Text
from ingot.data.statistics.counts import Count
from ingot.data.statistics.hashing import FACTOR, SEED, clear, is_seen, mixed

_NEWLINE = ord("\n")
_SHORT = 30  # FineWeb's short line
_LEAST = 4  # closing brackets repeat in any code


@compiled
def tally_lines(text: Text, end: int, newlines: int, table: Table, row: Row) -> None:
    """Count lines between newlines, those that repeat an earlier one, and those that end or are short."""
    places = clear(table, newlines + 1)
    empty = start = ZERO
    for _ in range(newlines + 1):
        value, common, place = SEED, SPACE, start
        while place < end and np.uint32(text[place]) != _NEWLINE:
            common &= text[place]
            value = (value ^ np.uint64(np.uint32(text[place]))) * FACTOR
            place += 1
        if place > start:
            repeated = int(is_seen(table, places, mixed(value)))
            row[Count.STRETCHES] += 1
            row[Count.DUPLICATE_STRETCHES] += repeated
            row[Count.DUPLICATE_STRETCH_CHARACTERS] += repeated * (place - start)
            if not common:
                _tally_filled(text, start, place, repeated, row)
        elif start == 0 or place == end:
            row[Count.STRETCHES] += 1
            row[Count.DUPLICATE_STRETCHES] += empty
            empty = 1
        start = place + 1


@compiled
def _tally_filled(text: Text, start: int, end: int, repeated: int, row: Row) -> None:
    row[Count.FILLED_LINES] += 1
    row[Count.ENDED_LINES] += (text[end - 1] & LINE_END) != 0
    row[Count.SHORT_LINES] += end - start <= _SHORT
    row[Count.DUPLICATE_LINE_CHARACTERS] += repeated * (end - start)
    length = last_filled(text, start, end) - first_filled(text, start, end)
    if length >= _LEAST:
        row[Count.LONG_LINE_CHARACTERS] += length
        row[Count.DUPLICATE_LONG_LINE_CHARACTERS] += repeated * length


@compiled
def first_filled(text: Text, start: int, end: int) -> int:
    """Return where the white space at the beginning of a stretch ends."""
    while start < end and text[start] & SPACE:
        start += 1
    return start


@compiled
def last_filled(text: Text, start: int, end: int) -> int:
    """Return where the white space at the end of a stretch begins."""
    while end > start and text[end - 1] & SPACE:
        end -= 1
    return end


@compiled
def tally_paragraphs(text: Text, end: int, newlines: int, table: Table, row: Row) -> None:
    """Count paragraphs, and those that repeat an earlier one."""
    places = clear(table, newlines + 1)
    start = first_filled(text, ZERO, end)
    end = last_filled(text, start, end)
    while True:
        value, place = SEED, start
        while place < end and not _is_gap(text, place):
            value = (value ^ np.uint64(np.uint32(text[place]))) * FACTOR
            place += 1
        repeated = int(is_seen(table, places, mixed(value)))
        row[Count.PARAGRAPHS] += 1
        row[Count.DUPLICATE_PARAGRAPHS] += repeated
        row[Count.DUPLICATE_PARAGRAPH_CHARACTERS] += repeated * (place - start)
        if place >= end:
            return
        while np.uint32(text[place]) == _NEWLINE:
            place += 1
        start = place


@compiled
def _is_gap(text: Text, place: int) -> bool:
    # What stands at the end is no white space, so there is a next character.
    return bool(np.uint32(text[place]) == _NEWLINE and np.uint32(text[place + 1]) == _NEWLINE)
