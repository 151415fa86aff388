"""Count the words of a text: cut it as a splitting rule does, and remember each word once with how often it came.

A compiled reading of the regular expressions in `splitting`, from `Rules`; a test holds the two together on any text.
The reference cuts one text at a time with a backtracking regex engine; this walks over the bytes once.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingot.core.compiling import cached, compiled
from ingot.tokenizer.characters import LETTER, NUMBER, OTHER, SPACE, Kinds, kinds
from ingot.tokenizer.splitting import (
    ALL_CONTRACTIONS,
    NEWLINE_SLASH_TAIL,
    NO_CONTRACTIONS,
    NO_TAIL,
    Rules,
    Splitting,
)

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

_BLANK, _APOSTROPHE, _RETURN, _NEWLINE, _SLASH = ord(" "), ord("'"), ord("\r"), ord("\n"), ord("/")
_S, _T, _R, _E, _V, _M, _L, _D = (ord(letter) for letter in "strevmld")
_SMALL_A, _SMALL_Z, _LARGE_A, _LARGE_Z = ord("a"), ord("z"), ord("A"), ord("Z")
_TO_SMALL = 0x20
_NOTHING = 255  # the kind of what is behind the end
_PRIME, _OFFSET = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)  # FNV-1a
_SHIFT = np.uint64(29)
_FULL = 0.6
_FIRST_WORDS, _FIRST_BYTES = 1 << 16, 1 << 20


class Table(NamedTuple):
    """Distinct stretches of bytes: `slots` by hash holds numbers + 1; stretch n is `data[starts[n]:starts[n + 1]]`.

    `used[0]` is how many there are. `counts` tells how often each came.
    """

    slots: Integers
    hashes: npt.NDArray[np.uint64]
    starts: Integers
    counts: Integers
    data: Bytes
    used: Integers


class WordCounter:
    """Counts the words of many texts. No word is longer than `longest` characters: longer ones are cut there."""

    def __init__(self, splitting: Splitting, longest: int) -> None:
        self._rules, self._longest = splitting.rules, longest
        self._kinds = kinds(splitting.marks_are_letters)
        self._table = _empty(_FIRST_WORDS, _FIRST_BYTES)

    def add(self, text: str) -> None:
        """Count the words of a text."""
        data = np.frombuffer(text.encode("utf-8"), dtype=np.uint8)
        ends = word_ends(data, byte_kinds(data, self._kinds), self._rules)
        done = 0
        while done < len(ends):
            done = count_words(data, ends, done, self._longest, self._table)
            if done < len(ends):
                self._table = _grown(self._table, len(data), len(ends))

    def words(self) -> tuple[Bytes, Integers, Integers]:
        """Return the bytes of all words one after another, where each starts (and the last ends), and their counts."""
        count = int(self._table.used[0])
        starts = self._table.starts[: count + 1]
        return self._table.data[: starts[-1]], starts, self._table.counts[:count]


def count_words_of(texts: Iterable[str], splitting: Splitting, longest: int) -> WordCounter:
    """Count the words of texts."""
    counter = WordCounter(splitting, longest)
    for text in texts:
        counter.add(text)
    return counter


def split(text: str, splitting: Splitting) -> list[str]:
    """Return the words of one text, in order."""
    payload = text.encode("utf-8")
    data = np.frombuffer(payload, dtype=np.uint8)
    ends = word_ends(data, byte_kinds(data, kinds(splitting.marks_are_letters)), splitting.rules)
    return [payload[start:end].decode("utf-8") for start, end in pairwise((0, *ends.tolist()))]


def _empty(words: int, size: int) -> Table:
    slots = np.zeros(words, dtype=np.int64)
    most = int(words * _FULL) + 1
    counts, starts, hashes = np.zeros(most, np.int64), np.zeros(most + 1, np.int64), np.zeros(most, np.uint64)
    return Table(slots, hashes, starts, counts, np.zeros(size, dtype=np.uint8), np.zeros(1, dtype=np.int64))


def _grown(table: Table, room: int, words: int) -> Table:
    """Return the table with at least twice the slots, and room for so many more bytes and words."""
    count = int(table.used[0])
    slots = 2 * len(table.slots)
    while slots * _FULL < count + words:
        slots *= 2
    larger = _empty(slots, 2 * (int(table.starts[count]) + room))
    for name in ("hashes", "starts", "counts", "data"):
        old = getattr(table, name)
        size = min(len(old), len(getattr(larger, name)))
        getattr(larger, name)[:size] = old[:size]
    larger.used[0] = count
    place_all(larger)
    return larger


# Compiled functions that take arrays do not call one another: numba would count references at every call, which takes
# several times as long as the work.


@compiled
def contraction(first: int, second: int, third: int, contractions: int) -> int:
    """Return the bytes of 's, 't, 're and the like, given the three bytes there (0 behind the end); 0 for none."""
    size = 0
    if contractions != NO_CONTRACTIONS and first == _APOSTROPHE:
        fold = _TO_SMALL if contractions == ALL_CONTRACTIONS else 0
        second, third = second | fold, third | fold
        if second in (_S, _T, _M, _D):
            size = 2
        elif (third == _E and (second in (_R, _V))) or (second == _L and third == _L):
            size = 3
    return size


@compiled
def is_tail(byte: int, tail: int) -> bool:
    """Say whether a byte behind signs belongs to them."""
    is_line_end = tail != NO_TAIL and (byte in (_RETURN, _NEWLINE))
    return is_line_end or (tail == NEWLINE_SLASH_TAIL and byte == _SLASH)


@cached(allocates=True)
def byte_kinds(data: Bytes, kinds: Kinds) -> Kinds:
    """Return for each byte of valid UTF-8 the kind of its character, and two more for what is behind the end."""
    found = np.full(len(data) + 2, _NOTHING, dtype=np.uint8)
    place = 0
    while place < len(data):
        lead = np.uint32(data[place])
        if lead < 0x80:
            found[place] = kinds[lead]
            place += 1
            continue
        size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        code = lead & (0xFF >> (size + 1))
        for further in range(1, size):
            code = (code << 6) | (data[place + further] & 0x3F)
        for further in range(size):
            found[place + further] = kinds[np.uint32(code)]
        place += size
    return found


@cached(allocates=True)
def word_ends(data: Bytes, kinds: Kinds, rules: Rules) -> Integers:
    """Return where each word of a text ends; `kinds` are those of :func:`byte_kinds`."""
    size = len(data)
    ends = np.empty(size, dtype=np.int64)
    count = place = 0
    while place < size:
        kind, byte = kinds[place], data[place]
        second = data[place + 1] if place + 1 < size else 0
        third = data[place + 2] if place + 2 < size else 0
        end = place + contraction(byte, second, third, rules.contractions)
        if end == place:
            following = place + 1
            while following < size and data[following] & 0xC0 == 0x80:
                following += 1
            next_kind, is_blank = kinds[following], byte == _BLANK
            may_precede = byte != _RETURN and byte != _NEWLINE if rules.takes_any else is_blank
            if kind != LETTER and kind != NUMBER:
                precedes_word = may_precede and next_kind == LETTER
                precedes_number = is_blank and next_kind == NUMBER and not rules.takes_any
                precedes_signs = is_blank and next_kind == OTHER
                if precedes_word or precedes_number or precedes_signs:
                    kind, end = next_kind, following
            first, last, left = end, end, rules.digits if kind == NUMBER else size
            behind_line = neither = -1
            is_small = False
            while end < size and kinds[end] == kind:
                byte = data[end]
                if byte & 0xC0 != 0x80:
                    if left == 0:
                        break
                    left -= 1
                    last = end
                    if kind == LETTER and rules.splits_case:
                        if _LARGE_A <= byte <= _LARGE_Z and is_small:
                            break
                        is_small = is_small or _SMALL_A <= byte <= _SMALL_Z
                end += 1
                if kind == SPACE and (byte in (_RETURN, _NEWLINE)):
                    behind_line = end
                if kind == LETTER and byte >= 0x80:
                    neither = end
            if kind == LETTER and rules.splits_case and not is_small and neither > first:
                end = neither
            elif kind == OTHER:
                while end < size and is_tail(data[end], rules.tail):
                    end += 1
            elif kind == SPACE and rules.ends_lines and behind_line >= 0:
                end = behind_line
            elif kind == SPACE and end < size and last > place:
                end = last
        ends[count] = end
        count += 1
        place = end
    return ends[:count]


@cached
def count_words(data: Bytes, ends: Integers, done: int, longest: int, table: Table) -> int:
    """Count the words that end there, from number `done` on; return how many are done when the table is full."""
    slots, hashes, starts, counts, known, used = table
    mask = len(slots) - 1
    place = ends[done - 1] if done else 0
    while done < len(ends):
        end = ends[done]
        count = used[0]
        if count + (end - place) // longest + 1 >= len(counts) or starts[count] + end - place > len(known):
            break
        while place < end:
            cut, characters, value = place, 0, _OFFSET
            while cut < end and (characters < longest or data[cut] & 0xC0 == 0x80):
                characters += data[cut] & 0xC0 != 0x80
                value = (value ^ np.uint64(data[cut])) * _PRIME
                cut += 1
            value ^= value >> _SHIFT
            slot = np.int64(value) & mask
            number = slots[slot] - 1
            while number >= 0:
                first = starts[number]
                if hashes[number] == value and starts[number + 1] - first == cut - place:
                    same = 0
                    while same < cut - place and data[place + same] == known[first + same]:
                        same += 1
                    if same == cut - place:
                        break
                slot = (slot + 1) & mask
                number = slots[slot] - 1
            if number < 0:
                number = used[0]
                first = starts[number]
                for byte in range(cut - place):
                    known[first + byte] = data[place + byte]
                slots[slot], hashes[number] = number + 1, value
                starts[number + 1], used[0] = first + cut - place, number + 1
            counts[number] += 1
            place = cut
        done += 1
    return done


@cached
def place_all(table: Table) -> None:
    """Fill the slots of a table anew from the hashes."""
    mask = len(table.slots) - 1
    table.slots[:] = 0
    for number in range(table.used[0]):
        slot = np.int64(table.hashes[number]) & mask
        while table.slots[slot]:
            slot = (slot + 1) & mask
        table.slots[slot] = number + 1
