"""What a person is called before the name (`Mrs.`, `Dr.`, `Frau`) and does for a living (`labour relations director`).

An occupation counts where the sentence gives it to a person, or where it fills a line of its own, as in a signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ingot.safety import lexicon
from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text
from ingot.safety.wordlists import listed

_SALUTATION = Pattern(
    r"\b((?:mrs?|ms|mx|dr|prof|rev|hon|capt|sgt|lt|col|gen|messrs|sr|sra|srta|mme|mlle|dott|dottssa|avv|ing|hr|"
    r"fr|dhr|mevr)\.|"
    r"(?:Mrs?|Ms|Miss|Mx|Dr|Prof|Sir|Dame|Lady|Herrn?|Frau|Madame|Monsieur|Mademoiselle|Señora?|Signora?|Mme|"
    r"Mlle))\s{1,2}(\pL)",
    ignore_case=True,
)
_GIVEN = re.compile(
    r"(?:\b(?i:job(?: title)?|profession|occupation|position|role|beruf|métier|profesión)(?: is|:)|"
    r"\b(?:work(?:s|ed|ing)? )?(?:as|als)(?: an?)?|"
    r"\b(?:[Ii]s|[Ww]as|am|become|became|'m|’m|hired) an?|\b[A-Z][\w’'-]+, (?:an?|the|our))\s$"
)
_GIVEN_ENDS = ("a ", "an ", "as ", "als ", "is ", ": ", "the ", "our ", "a\n", "an\n", "as\n", "the\n")
_LINE = re.compile(r"[A-Z][^\W\d_]*(?:[ ,/&-]{1,2}(?:[^\W\d_]+))*", re.ASCII)
_STOPS = frozenset(
    listed(
        "the a an is are was were be been am or of in on at by for with to that which who my our your his her",
        "their its this these those as",
    )
)
_MOST_WORDS = 5
_LONGEST_LINE = 60


@dataclass(frozen=True)
class Config:
    """Settings of the occupation detector: whether lines that hold nothing but an occupation count."""

    TYPES: ClassVar[tuple[str, ...]] = ("title", "occupation")

    own_lines: bool = True


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield the salutations and occupations of a text."""
    whole = Text.of(text)
    for _, (start, end), (name, _) in _SALUTATION.groups(whole):
        is_shouted = whole[end - 1] != "." and whole[start:end].isupper()
        if not is_shouted and (whole[name].isupper() or whole[start].islower()):
            yield Finding(start, end, "title", "occupation", 0.8)
    words = whole.words
    for index in np.flatnonzero(words.flags & lexicon.OCCUPATION).tolist():
        end = int(words.ends[index])
        if found := _start(whole, index, end, config):
            start, confidence = found
            yield Finding(start, end, "occupation", "occupation", confidence)


def _start(text: Text, index: int, end: int, config: Config) -> tuple[int, float] | None:
    """Return where the occupation that ends with a word begins, and how sure that is."""
    words = text.words
    if index + 1 < len(words.starts) and words.is_joined[index] and words.flags[index + 1] & lexicon.OCCUPATION:
        return None  # the next word ends it
    if config.own_lines and (line := _line_before(text, end)) is not None:
        return line, 0.55
    for first in range(index, max(-1, index - _MOST_WORDS), -1):
        start = int(words.starts[first])
        before = text[max(0, start - 24) : start]
        if before.endswith(_GIVEN_ENDS) and _GIVEN.search(before):
            return start, 0.6
        if not first or not words.is_joined[first - 1]:
            return None
        if text[int(words.starts[first - 1]) : int(words.ends[first - 1])].lower() in _STOPS:
            return None
    return None


def _line_before(text: str, end: int) -> int | None:
    """Return where the line begins that a word ends, when it is nothing but a few words that begin with a capital."""
    if text[end : end + _LONGEST_LINE].lstrip(" \t.,")[:1] not in ("", "\n"):
        return None
    bare = text[text.rfind("\n", 0, end) + 1 : end].lstrip(" \t>*•|?-")
    if "\n" not in text[max(0, end - 200) : end + 200] or len(bare) > _LONGEST_LINE:
        return None
    few = len(bare.split()) <= _MOST_WORDS + 1 and not any(word in _STOPS for word in bare.lower().split())
    is_small = text.islower() and bare[:1].isalpha()
    return end - len(bare) if few and (_LINE.fullmatch(bare) or is_small) else None
