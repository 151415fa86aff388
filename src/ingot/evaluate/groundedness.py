"""Whether an answer stands on the passages it was given: how many of its sentences say what one of them says.

The measure is one of words, so that anybody can check it: of a sentence the words that carry something (numbers, words
of four letters and more by their first five, pairs of letters in scripts without spaces) are looked for in each
passage, and the best passage counts. Numbers must all be there. Where a sentence cites passages, as in [2], only those
count. It sees what was made up, and neither a "not" too many nor what is said in quite other words: read some answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingot.retrieve.passages import sentences

# From this share of its words on a sentence counts as supported. Of the conclusions that authors wrote to the abstracts
# of PubMedQA, held against their own abstract, 46% pass, and 0.3% against another's (AUC of the share: 0.93).
LEAST = 0.5
_PREFIX, _SHORT = 5, 4
_CITED = re.compile(r"\[(\d{1,3})\]")
# Letters of scripts without spaces stand in pairs; numbers keep what parts their digits.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"\d+(?:[.,:]\d+)*|[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]+")


def claims(answer: str) -> list[str]:
    """Return the sentences of an answer that say something which can be looked for."""
    return [each for each in sentences(answer) if _content(_CITED.sub(" ", each))]


def support(claim: str, passages: Sequence[str]) -> float:
    """Return the share of a sentence's words that the best of the passages has; 0 where a number is not there.

    >>> support("The lease ends in 2027 [2].", ["Rent is due.", "In 2027 the lease ends."])
    1.0
    """
    cited = [int(number) for number in _CITED.findall(claim)]
    wanted = _content(_CITED.sub(" ", claim))
    allowed = [passages[number - 1] for number in cited if 0 < number <= len(passages)] if cited else passages
    return max((_share(wanted, _content(passage, is_passage=True)) for passage in allowed), default=0.0)


def grounded(answer: str, passages: Sequence[str], least: float = LEAST) -> float:
    """Return the share of an answer's sentences that a passage supports; 0 for an answer that says nothing."""
    said = claims(answer)
    return sum(support(each, passages) >= least for each in said) / len(said) if said else 0.0


def _share(wanted: frozenset[str], there: frozenset[str]) -> float:
    if not wanted or any(each[0].isdigit() for each in wanted - there):
        return 0.0
    return len(wanted & there) / len(wanted)


def _content(text: str, is_passage: bool = False) -> frozenset[str]:
    """Return what a text says, word by word; of a passage short words too, which a sentence is not asked for."""
    found: set[str] = set()
    for word in _WORD.findall(text.casefold()):
        if word[0].isdigit():
            found.add(word.rstrip(".,:"))
        elif re.match(f"[{_UNSPACED}]", word):
            found.update(word[place : place + 2] for place in range(len(word) - 1))
        elif len(word) >= _SHORT or is_passage:
            found.add(word[:_PREFIX])
    return frozenset(found)
