"""English words, as published thresholds count them: stretches between white space, cut by rules and exceptions.

From both ends of a stretch signs are cut off, one at a time, until what is left is an exception or has none; web
addresses stay whole; anything else is cut at the signs inside (spaCy's tokenizer). Most stretches are letters alone
and take the short way.
"""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.characters import ALPHABETIC, PLAIN, PUNCTUATION, SPACE
from ingot.data.statistics.affixes import infix_length, prefix_length, suffix_length
from ingot.data.statistics.arrays import HASH, LENGTH, START, Row, Text, Words
from ingot.data.statistics.counts import Count
from ingot.data.statistics.hashing import FACTOR, SEED, mixed, stretch_hash
from ingot.data.statistics.rules import (
    BITS_OF_A_CUT,
    CUT,
    CUTS,
    FIRST_STOP_WORD,
    LONGEST_EXCEPTION,
    LONGEST_STOP_WORD,
    STOP_WORDS,
    Rules,
    rule_of,
    rule_of_hash,
)
from ingot.data.statistics.urls import is_url

_PERIOD = ord(".")


@compiled
def split_words(text: Text, start: int, end: int, rules: Rules, words: Words, count: int) -> int:
    """Put the words between two characters behind the first `count` words; return how many there are then.

    The last rows of `words` are used for a while: there must be as many as characters, and one more.
    """
    place = start
    while place < end:
        if text[place] & SPACE:
            place += 1
            continue
        first, common, value = place, PLAIN, SEED
        while place < end and not text[place] & SPACE:
            common &= text[place]
            value = (value ^ np.uint64(np.uint32(text[place]))) * FACTOR
            place += 1
        if common and (place - first > LONGEST_EXCEPTION or not rule_of_hash(rules, mixed(value)) & CUTS):
            words[START, count] = first
            words[LENGTH, count] = place - first
            words[HASH, count] = np.int64(mixed(value))
            count += 1
        else:
            count = _split_stretch(text, first, place, rules, words, count)
    return count


@compiled
def _put(text: Text, start: int, end: int, words: Words, row: int) -> None:
    words[START, row] = start
    words[LENGTH, row] = end - start
    words[HASH, row] = np.int64(stretch_hash(text, start, end))


@compiled
def _split_stretch(text: Text, start: int, end: int, rules: Rules, words: Words, count: int) -> int:
    # What is cut off the end waits in the last rows until what stands before it is there.
    first, waiting = count, words.shape[1]
    size, cuts = -1, 0
    while cuts == 0 and start < end and end - start != size:
        size = end - start
        cuts = rule_of(rules, text, start, end) & CUTS
        if cuts:
            break
        before = prefix_length(text, start, end)
        after = 0
        if before:
            cuts = rule_of(rules, text, start + before, end) & CUTS
        if cuts == 0:
            after = suffix_length(text, start + before, end, rules)
            if after:
                cuts = rule_of(rules, text, start, end - after) & CUTS
                before = 0 if cuts else before
        if before:
            _put(text, start, start + before, words, count)
            count += 1
            start += before
        if after:
            waiting -= 1
            _put(text, end - after, end, words, waiting)
            end -= after
    if cuts:
        count = _put_exception(text, start, cuts, words, count)
    elif start < end:
        count = _split_inside(text, start, end, words, count)
    for row in range(waiting, words.shape[1]):
        _copy(words, row, count)
        count += 1
    return _joined(text, rules, words, first, count) if count - first > 2 else count


@compiled
def _copy(words: Words, source: int, target: int) -> None:
    words[START, target] = words[START, source]
    words[LENGTH, target] = words[LENGTH, source]
    words[HASH, target] = words[HASH, source]


@compiled
def _put_exception(text: Text, start: int, cuts: int, words: Words, count: int) -> int:
    while cuts:
        length = cuts & CUT
        _put(text, start, start + length, words, count)
        start += length
        count += 1
        cuts >>= BITS_OF_A_CUT
    return count


@compiled
def _split_inside(text: Text, start: int, end: int, words: Words, count: int) -> int:
    for place in range(start, end):
        if np.uint32(text[place]) == _PERIOD:
            if is_url(text, start, end):
                _put(text, start, end, words, count)
                return count + 1
            break
    word = place = start
    while place < end:
        length = infix_length(text, place, start, end)
        if length and place > start:
            if place > word:
                _put(text, word, place, words, count)
                count += 1
            _put(text, place, place + length, words, count)
            count += 1
            word = place + length
        place += max(length, 1)
    if word < end:
        _put(text, word, end, words, count)
        count += 1
    return count


@compiled
def _joined(text: Text, rules: Rules, words: Words, first: int, count: int) -> int:
    """Put words together again that were cut apart inside an exception, such as a smiley behind a word."""
    kept = word = first
    while word < count:
        start = words[START, word]
        last = word
        while last + 1 < count and words[START, last + 1] + words[LENGTH, last + 1] - start <= LONGEST_EXCEPTION:
            last += 1
        cuts = 0
        while last > word and cuts == 0:
            cuts = rule_of(rules, text, start, words[START, last] + words[LENGTH, last]) & CUTS
            if cuts >> BITS_OF_A_CUT * (last - word + 1):
                cuts = 0  # it has more words than there is room for
            last -= cuts == 0
        if cuts:
            kept = _put_exception(text, start, cuts, words, kept)
            word = last + 1
        else:
            _copy(words, word, kept)
            kept += 1
            word += 1
    return kept


@compiled
def tally_words(text: Text, rules: Rules, words: Words, count: int, row: Row) -> None:
    """Count the words, the kinds of them that Gopher's quality rules are about, and which stop words are there."""
    others = characters = alphabetic = stop_words = 0
    for word in range(count):
        start, end = words[START, word], words[START, word] + words[LENGTH, word]
        if _is_other(text, start, end):
            others += 1
            characters += end - start
        alphabetic += _is_alphabetic(text, start, end)
        if end - start <= LONGEST_STOP_WORD:
            stop_words |= rule_of_hash(rules, np.uint64(words[HASH, word])) >> FIRST_STOP_WORD
    row[Count.WORDS] += count
    row[Count.NON_SYMBOL_WORDS] += others
    row[Count.NON_SYMBOL_CHARACTERS] += characters
    row[Count.ALPHABETIC_WORDS] += alphabetic
    row[Count.STOP_WORDS] |= stop_words & STOP_WORDS


@compiled
def _is_other(text: Text, start: int, end: int) -> bool:
    for place in range(start, end):
        if not text[place] & PUNCTUATION:
            return True
    return False


@compiled
def _is_alphabetic(text: Text, start: int, end: int) -> bool:
    for place in range(start, end):
        if text[place] & ALPHABETIC:
            return True
    return False
