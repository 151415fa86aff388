"""N-grams of words that repeat, by the characters in them: Gopher's top 2- to 4-grams and duplicate 5- to 10-grams.

Rae et al. (2021), table A1. An n-gram can repeat only where its two (n-1)-grams do, so after the pairs hardly anything
has to be hashed. The characters of a top n-gram count with the blanks between its words, those of duplicate ones
without; a duplicate is stepped over as a whole.
"""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.statistics.arrays import FIRST, GRAM, HASH, KEY, LENGTH, RUN, SLOT, TIMES, ZERO, Row, Table, Words
from ingot.data.statistics.counts import Count
from ingot.data.statistics.hashing import FACTOR, SECOND_SHIFT, SEED, clear, is_seen, mixed, place_of

_PAIR, _LONGEST_TOP, _LONGEST_DUPLICATE = 2, 4, 10


@compiled
def tally_ngrams(words: Words, count: int, table: Table, row: Row) -> None:
    """Count the characters of repeated n-grams among the first `count` words."""
    for word in range(count):
        words[GRAM, word] = words[HASH, word]
        words[RUN, word] = 1
    for size in range(_PAIR, _LONGEST_TOP + 1):
        if count < size:
            return
        first = _most_frequent(words, count, size, table)
        times = table[TIMES, words[SLOT, first]] if words[SLOT, first] >= 0 else 1
        row[Count.TOP_2_GRAM + size - _PAIR] += times * (_characters(words, first, size) + size - 1)
        for word in range(count):
            slot = words[SLOT, word]
            words[RUN, word] = word + size <= count and slot >= 0 and table[TIMES, slot] > 1
    for word in range(count - 2, -1, -1):
        words[RUN, word] *= words[RUN, word + 1] + 1
    for size in range(_LONGEST_TOP + 1, _LONGEST_DUPLICATE + 1):
        row[Count.DUPLICATE_5_GRAM + size - _LONGEST_TOP - 1] += _repeated_characters(words, count, size, table)


@compiled
def _characters(words: Words, first: int, size: int) -> int:
    total = 0
    for word in range(first, first + size):
        total += words[LENGTH, word]
    return total


@compiled
def _most_frequent(words: Words, count: int, size: int, table: Table) -> int:
    """Return where the most frequent n-gram begins, ties to the first met.

    On entry RUN says where an (n-1)-gram repeats, and GRAM what it is; on return GRAM and SLOT are about n-grams.
    """
    candidates = ZERO
    for word in range(count - size + 1):
        candidates += words[RUN, word] & words[RUN, word + 1]
    places = clear(table, candidates)
    most, first = ZERO + 1, ZERO
    for word in range(count - size + 1):
        words[SLOT, word] = -1
        if not words[RUN, word] & words[RUN, word + 1]:
            continue
        value = mixed(np.uint64(words[GRAM, word]) * FACTOR + np.uint64(words[HASH, word + size - 1]))
        words[GRAM, word] = np.int64(value)
        slot = place_of(table, places, value)
        words[SLOT, word] = slot
        if table[KEY, slot] == 0:
            table[KEY, slot] = np.int64(value)
            table[TIMES, slot] = 0
            table[FIRST, slot] = word
        table[TIMES, slot] += 1
        times = table[TIMES, slot]
        if times > most or (times == most and table[FIRST, slot] < first):
            most, first = times, table[FIRST, slot]
    return int(first)


@compiled
def _repeated_characters(words: Words, count: int, size: int, table: Table) -> int:
    """Return the characters of n-grams that repeat an earlier one, given how many 4-grams in a row repeat."""
    least = size - _LONGEST_TOP + 1
    candidates = ZERO
    for word in range(count - size + 1):
        candidates += words[RUN, word] >= least
    if candidates < 2:
        return 0
    places = clear(table, candidates)
    word = total = ZERO
    while word < count - size + 1:
        step = 1
        if words[RUN, word] >= least:
            value = SEED
            for offset in range(size):
                value = (value ^ np.uint64(words[HASH, word + offset])) * FACTOR
                value ^= value >> SECOND_SHIFT
            if is_seen(table, places, mixed(value)):
                total += _characters(words, word, size)
                step = size
        word += step
    return int(total)
