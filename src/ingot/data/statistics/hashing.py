"""Hashes of characters and words, and tables of them, for compiled functions.

A stretch of characters is hashed one after the other (after FNV-1a by Fowler, Noll and Vo, with another factor) and
mixed at the end, so that every bit counts in the low ones. In a table the second of two hashes that fall on one place
takes the next (linear probing).
"""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.statistics.arrays import KEY, Table, Text

SEED = np.uint64(0x517CC1B727220A95)
FACTOR = np.uint64(0x9E3779B97F4A7C15)
MIX_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
FIRST_SHIFT, SECOND_SHIFT = np.uint64(32), np.uint64(29)
_LEAST_PLACES = 16


@compiled
def mixed(value: np.uint64) -> np.uint64:
    """Spread every bit of a hash over all of them; never 0, which marks a free place."""
    value ^= value >> FIRST_SHIFT
    value *= MIX_FACTOR
    value ^= value >> SECOND_SHIFT
    return value | np.uint64(value == 0)


@compiled
def stretch_hash(text: Text, start: int, end: int) -> np.uint64:
    """Return the hash of the characters from `start` to `end`."""
    value = SEED
    for place in range(start, end):
        value = (value ^ np.uint64(np.uint32(text[place]))) * FACTOR
    return mixed(value)


@compiled
def place_of(table: Table, places: int, value: np.uint64) -> int:
    """Return where a hash is, or would be put, in the first `places` of a table."""
    key = np.int64(value)
    mask = np.int64(places - 1)
    place = key & mask
    while table[KEY, place] != 0 and table[KEY, place] != key:
        place = (place + 1) & mask
    return int(place)


@compiled
def clear(table: Table, entries: int) -> int:
    """Free as many places of a table as so many entries need, and return how many these are."""
    places = _LEAST_PLACES
    while places < 2 * entries:
        places *= 2
    for place in range(places):
        table[KEY, place] = 0
    return places


@compiled
def is_seen(table: Table, places: int, value: np.uint64) -> bool:
    """Say whether a hash was met before, and remember it."""
    place = place_of(table, places, value)
    was_there = table[KEY, place] != 0
    table[KEY, place] = np.int64(value)
    return bool(was_there)
