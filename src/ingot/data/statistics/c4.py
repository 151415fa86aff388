"""Lines as Python's splitlines has them: Gopher's bullets and ellipses, and C4's rules about lines.

C4 (Raffel et al., 2020, section 2.2) keeps a line that ends like a sentence, has three words, none of them endless, and
speaks neither of JavaScript nor of cookies; citation marks are taken out before it looks. A text is refused where such
a line has a curly bracket or "lorem ipsum", or where the lines kept have too few sentences.
"""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.characters import BRACKET, LINE_BREAK, SPACE
from ingot.data.statistics.arrays import START, ZERO, Codes, Row, Text, Words
from ingot.data.statistics.counts import Count, Refusal
from ingot.data.statistics.lines import first_filled, last_filled
from ingot.data.statistics.phrases import FOUND_CURLY, FOUND_JAVASCRIPT, FOUND_LOREM, find_phrases, without_citations
from ingot.data.statistics.rules import Phrases, Rules
from ingot.data.statistics.sentences import count_sentences
from ingot.data.statistics.words import split_words

_RETURN, _NEWLINE = ord("\r"), ord("\n")
_PERIOD, _ELLIPSIS, _BULLET, _DASH = (ord(sign) for sign in ".…•-")
_QUESTION, _EXCLAMATION, _DOUBLE_QUOTE, _SINGLE_QUOTE = (ord(sign) for sign in "?!\"'")
_LEAST_WORDS, _LONGEST_WORD = 3, 1000


@compiled
def tally_split_lines(
    text: Text, end: int, words: Words, count: int, rules: Rules, phrases: Phrases, lower: Codes, row: Row
) -> None:
    """Count lines by how they begin and end, and what C4 would keep, given the `count` words of all of them.

    What stands behind `end` in `text` and behind `count` in `words` is used for lines without their citation marks.
    """
    start = word = ZERO
    while start < end:
        place, spoken, longest, common = _line(text, start, end)
        next_word = word
        while next_word < count and words[START, next_word] < place:
            next_word += 1
        row[Count.LINES] += 1
        if spoken:
            first = first_filled(text, start, place)
            last = last_filled(text, first, place)
            _tally_edges(text, first, last, row)
            if spoken >= _LEAST_WORDS and longest <= _LONGEST_WORD:
                size = without_citations(text, first, last, end, phrases) if common & BRACKET else last - first
                if size == last - first:
                    _tally_kept(text, first, last, words, word, next_word, phrases, lower, row)
                else:
                    own = split_words(text, end, end + size, rules, words, count)
                    _tally_kept(text, end, end + size, words, count, own, phrases, lower, row)
        word = next_word
        is_pair = place + 1 < end and np.uint32(text[place]) == _RETURN and np.uint32(text[place + 1]) == _NEWLINE
        start = place + 2 if is_pair else place + 1


@compiled
def _line(text: Text, start: int, end: int) -> tuple[int, int, int, np.uint64]:
    """Return where a line ends, its stretches between white space, the length of the longest, and all traits."""
    place = start
    words = length = longest = ZERO
    common = text[place]
    while place < end and not text[place] & LINE_BREAK:
        common |= text[place]
        length = 0 if text[place] & SPACE else length + 1
        words += length == 1
        longest = max(longest, length)
        place += 1
    return place, words, longest, common


@compiled
def _tally_edges(text: Text, start: int, end: int, row: Row) -> None:
    first, last = np.uint32(text[start]), np.uint32(text[end - 1])
    row[Count.BULLET_LINES] += first == _BULLET or first == _DASH
    row[Count.ELLIPSIS_LINES] += last == _ELLIPSIS or _ends_in_dots(text, start, end)


@compiled
def _ends_in_dots(text: Text, start: int, end: int) -> bool:
    for place in range(end - 3, end):
        if place < start or np.uint32(text[place]) != _PERIOD:
            return False
    return True


@compiled
def _tally_kept(
    text: Text,
    start: int,
    end: int,
    words: Words,
    word: int,
    next_word: int,
    phrases: Phrases,
    lower: Codes,
    row: Row,
) -> None:
    if not _is_ended(text, start, end):
        return
    found = find_phrases(text, start, end, phrases, lower)
    if found & FOUND_LOREM:
        refusal = Refusal.LOREM_IPSUM
    elif found & FOUND_CURLY and not found & FOUND_JAVASCRIPT:
        refusal = Refusal.CURLY_BRACKET
    else:
        refusal = Refusal.NONE
    if row[Count.C4_REFUSAL] == Refusal.NONE:
        row[Count.C4_REFUSAL] = refusal
    if not found:
        row[Count.C4_LINES] += 1
        row[Count.C4_SENTENCES] += count_sentences(text, words, word, next_word)


@compiled
def _is_ended(text: Text, start: int, end: int) -> bool:
    if end <= start:
        return False
    last = np.uint32(text[end - 1])
    if last == _PERIOD:
        return not _ends_in_dots(text, start, end)
    return bool(last == _QUESTION or last == _EXCLAMATION or last == _DOUBLE_QUOTE or last == _SINGLE_QUOTE)
