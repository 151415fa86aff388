"""Sentences, counted as spaCy's sentencizer does: one begins with what follows a period and is no punctuation."""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.characters import MARK, SENTENCE_END
from ingot.data.statistics.arrays import LENGTH, START, Text, Words

_BLANK = ord(" ")


@compiled
def count_sentences(text: Text, words: Words, first: int, last: int) -> int:
    """Return how many sentences the words from `first` to `last` are; white space other than one blank is a word."""
    sentences = 1 if last > first else 0
    is_over = False
    for word in range(first, last):
        start, end = words[START, word], words[START, word] + words[LENGTH, word]
        if is_over and _is_space_word(text, words, word):
            sentences += 1
            is_over = False
        if end - start == 1 and text[start] & SENTENCE_END:
            is_over = True
        elif is_over and not _is_mark(text, start, end):
            sentences += 1
            is_over = False
    return sentences


@compiled
def _is_space_word(text: Text, words: Words, word: int) -> bool:
    """Say whether more than one blank stands before a word that is not the first."""
    end = words[START, word - 1] + words[LENGTH, word - 1]
    gap = words[START, word] - end
    return bool(gap > 1 or (gap == 1 and np.uint32(text[end]) != _BLANK))


@compiled
def _is_mark(text: Text, start: int, end: int) -> bool:
    for place in range(start, end):
        if not text[place] & MARK:
            return False
    return True
