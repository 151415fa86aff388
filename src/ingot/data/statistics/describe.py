"""The one pass over texts: every count, hash and sketch, from Arrow's own buffers, without Python's lock.

A text is taken in parts of a million characters, cut at a line end, so that memory stays bounded: counts add up, only a
line or an n-gram that repeats across parts is missed; hashes and sketches are those of the whole.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingot.core.compiling import cached
from ingot.data import characters
from ingot.data.statistics.arrays import (
    PLACES,
    SHINGLE_WORDS,
    TABLE_COLUMNS,
    WORD_COLUMNS,
    ZERO,
    Bytes,
    Codes,
    Hashes,
    Row,
    Table,
    Text,
    Words,
)
from ingot.data.statistics.c4 import tally_split_lines
from ingot.data.statistics.codepoints import byte_hash, decode, encoded_size, last_break, tally
from ingot.data.statistics.columns import Statistics
from ingot.data.statistics.counts import Count
from ingot.data.statistics.hashing import SEED
from ingot.data.statistics.lines import tally_lines, tally_paragraphs
from ingot.data.statistics.ngrams import tally_ngrams
from ingot.data.statistics.rules import Phrases, Rules, phrases, rules
from ingot.data.statistics.shingles import (
    LARGEST,
    Permutations,
    permutations,
    simple_words,
    sketch,
    words_hash,
)
from ingot.data.statistics.words import split_words, tally_words

PART_CHARACTERS = 1 << 20
_HELD = SHINGLE_WORDS - 1
_PORTIONS = 4  # of every thread, so that one with long texts does not keep the others waiting


class Tables(NamedTuple):
    """What the pass looks things up in."""

    alphabet: Text  # every character there is
    lower: Codes
    rules: Rules
    phrases: Phrases
    permutations: Permutations


class Room(NamedTuple):
    """What the pass works in: a part of a text and its words, each twice as large, a table, and simple words."""

    text: Text
    words: Words
    table: Table
    simple: Hashes


class Results(NamedTuple):
    """What the pass gives: a row for every text."""

    counts: npt.NDArray[np.int64]
    hashes: Hashes
    signatures: npt.NDArray[np.uint32]


# One function rather than several: numba translates all that is below a function again for each one above it.
@cached
def _describe_texts(
    data: Bytes,
    offsets: Row,
    first: int,
    last: int,
    part_characters: int,
    tables: Tables,
    room: Room,
    results: Results,
) -> None:
    alphabet, lower, rules, phrases, permutations = tables
    text, words, table, simple = room
    for number in range(first, last):
        start, end = offsets[number], offsets[number + 1]
        row, signature = results.counts[number], results.signatures[number]
        results.hashes[number, 0] = byte_hash(data, start, end)
        held, of_words, is_whole = ZERO, SEED, False
        while not is_whole:
            count, start = decode(data, start, end, alphabet, text, part_characters)
            is_whole = start >= end
            if not is_whole:
                cut = last_break(text, count)
                start -= encoded_size(text, cut, count)
                count = cut
            before = row[Count.NEWLINES]
            tally(text, count, row)
            newlines = row[Count.NEWLINES] - before
            found = split_words(text, ZERO, count, rules, words, ZERO)
            tally_words(text, rules, words, found, row)
            tally_lines(text, count, newlines, table, row)
            tally_paragraphs(text, count, newlines, table, row)
            tally_split_lines(text, count, words, found, rules, phrases, lower, row)
            tally_ngrams(words, found, table, row)
            known = simple_words(text, count, lower, held, simple)
            row[Count.SIMPLE_WORDS] += known - held
            of_words = words_hash(simple, held, known, of_words)
            sketch(simple, known, permutations, signature)
            # The last words begin the shingles that reach into the next part.
            held = min(known, _HELD)
            for word in range(held):
                simple[word] = simple[known - held + word]
        results.hashes[number, 1] = of_words


def describe(texts: pa.StringArray, threads: int = 1, part_characters: int = PART_CHARACTERS) -> Statistics:
    """Return the statistics of all texts; null counts as an empty one."""
    data, offsets = _buffers(texts)
    results = Results(
        np.zeros((len(texts), len(Count)), np.int64),
        np.zeros((len(texts), 2), np.uint64),
        np.full((len(texts), PLACES), LARGEST, np.uint32),
    )
    tables = Tables(characters.table(), characters.lower(), rules(), phrases(), permutations())
    longest = int(np.diff(offsets).max(initial=0))

    portions = deque(_portions(offsets, 1 if threads == 1 else threads * _PORTIONS))

    def work() -> None:
        room = _room(min(longest, part_characters))
        while portions:
            with suppress(IndexError):  # another thread has taken the last
                first, last = portions.popleft()
                _describe_texts(data, offsets, first, last, part_characters, tables, room, results)

    if threads == 1:
        work()
    else:
        with ThreadPoolExecutor(threads) as pool:
            for done in [pool.submit(work) for _ in range(threads)]:
                done.result()
    return Statistics(results.counts, results.hashes, results.signatures)


def _room(size: int) -> Room:
    """Return room for a part of so many characters: up to 170 bytes for each, most of which is never touched."""
    places = 1 << (2 * size + 16).bit_length()
    return Room(
        np.empty(2 * size + 1, np.uint64),
        np.empty((WORD_COLUMNS, 2 * size + 1), np.int64),
        np.empty((TABLE_COLUMNS, places), np.int64),
        np.empty(size + _HELD, np.uint64),
    )


def _buffers(texts: pa.StringArray) -> tuple[Bytes, Row]:
    """Return the bytes of all texts and where each begins, without copying the bytes."""
    if len(texts) == 0:
        return np.zeros(1, np.uint8), np.zeros(1, np.int64)
    _, bounds, content = texts.buffers()
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    offsets = np.frombuffer(bounds, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    data = np.frombuffer(content, np.uint8) if content is not None and content.size else np.zeros(1, np.uint8)
    return data, offsets


def _portions(offsets: Row, count: int) -> list[tuple[int, int]]:
    """Return the first and last texts of portions of about the same size in bytes."""
    targets = np.linspace(offsets[0], offsets[-1], count + 1)[1:-1]
    bounds = [0, *np.searchsorted(offsets, targets).tolist(), len(offsets) - 1]
    return list(pairwise(bounds))
