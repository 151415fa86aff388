"""What C4 looks for inside a line: curly brackets, phrases of web pages, and citation marks."""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.characters import BRACKET, DECIMAL, PHRASE
from ingot.data.statistics.arrays import Codes, Text
from ingot.data.statistics.rules import (
    ANCHOR,
    CITATION_NEEDED,
    EDIT,
    JAVASCRIPT,
    LETTERS,
    LOREM_IPSUM,
    RARE,
    SIZE,
    Phrases,
)

FOUND_CURLY, FOUND_LOREM, FOUND_JAVASCRIPT, FOUND_POLICY = 1, 2, 4, 8
_OPEN, _CLOSE, _CURLY = (ord(sign) for sign in "[]{")


@compiled
def find_phrases(text: Text, start: int, end: int, phrases: Phrases, lower: Codes) -> int:
    """Return flags for what there is in a line, in whatever case."""
    found = 0
    for place in range(start, end):
        if text[place] & PHRASE:
            found |= _found_at(text, place, start, end, phrases, lower)
        elif text[place] & BRACKET and np.uint32(text[place]) == _CURLY:
            found |= FOUND_CURLY
    return found


@compiled
def _found_at(text: Text, place: int, start: int, end: int, phrases: Phrases, lower: Codes) -> int:
    letter = lower[np.uint32(text[place])]
    for phrase in range(EDIT):
        first = place - phrases[phrase, ANCHOR]
        if letter == phrases[phrase, RARE] and first >= start and _is_phrase(text, first, end, phrases, phrase, lower):
            return FOUND_LOREM if phrase == LOREM_IPSUM else FOUND_JAVASCRIPT if phrase == JAVASCRIPT else FOUND_POLICY
    return 0


@compiled
def _is_phrase(text: Text, start: int, end: int, phrases: Phrases, phrase: int, lower: Codes) -> bool:
    if start + phrases[phrase, SIZE] > end:
        return False
    for offset in range(phrases[phrase, SIZE]):
        if lower[np.uint32(text[start + offset])] != phrases[phrase, LETTERS + offset]:
            return False
    return True


@compiled
def without_citations(text: Text, start: int, end: int, target: int, phrases: Phrases) -> int:
    """Copy a line without its citation marks to `target`; return its new length, the old one where there are none."""
    place, length = start, 0
    while place < end and length == 0:
        length = _citation_length(text, place, end, phrases)
        place += 1
    if length == 0:
        return end - start
    size, place = 0, start
    while place < end:
        length = _citation_length(text, place, end, phrases)
        if length == 0:
            text[target + size] = text[place]
            size += 1
        place += max(length, 1)
    return size


@compiled
def _citation_length(text: Text, start: int, end: int, phrases: Phrases) -> int:
    """Return the length of a number in brackets, or none in brackets, or what Wikipedia writes there."""
    if np.uint32(text[start]) != _OPEN:
        return 0
    place = start + 1
    while place < end and text[place] & DECIMAL:
        place += 1
    if place < end and np.uint32(text[place]) == _CLOSE:
        return place + 1 - start
    for phrase in range(EDIT, CITATION_NEEDED + 1):
        if _is_exactly(text, start, end, phrases, phrase):
            return int(phrases[phrase, SIZE])
    return 0


@compiled
def _is_exactly(text: Text, start: int, end: int, phrases: Phrases, phrase: int) -> bool:
    if start + phrases[phrase, SIZE] > end:
        return False
    for offset in range(phrases[phrase, SIZE]):
        if np.uint32(text[start + offset]) != phrases[phrase, LETTERS + offset]:
            return False
    return True
