"""Protected terms: what must never be split, such as product codes and names of substances.

A term is a token of its own that every reader takes out of a text before it is cut into words: an added token that is
not special in Hugging Face's layout, a user-defined one in GGUF. It is found wherever its letters stand, also inside a
longer word. Readers differ in which of two terms they take where both could begin inside one another (the first, or
the longer), so such pairs are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ingot.core.errors import InputError
from ingot.tokenizer.vocabulary import SPECIALS

_WHERE = "tokenizer, option terms"


def check_terms(terms: Sequence[str], most: int) -> None:
    """Raise InputError for terms that two readers of the vocabulary could take differently, or too many."""
    if len(terms) > most:
        raise InputError(
            f"{len(terms)} protected terms leave no room for others",
            where=_WHERE,
            why=f"every term takes a place of the vocabulary, and at most {most} of its places may go to terms",
            fix="protect fewer terms, or make the vocabulary larger",
        )
    for term in terms:
        if len(term) < 2 or term != term.strip() or terms.count(term) > 1:
            raise InputError(
                f"{term!r} cannot be a protected term",
                where=_WHERE,
                why="a term has at least two characters, no white space at its ends, and is named once",
                fix="correct it or leave it out",
            )
        special = next((name for name in SPECIALS if name in term), None)
        if special:
            raise InputError(
                f"{term!r} cannot be a protected term",
                where=_WHERE,
                why=f"it would be mistaken for the control token {special}",
                fix="leave it out",
            )
    _refuse_overlaps([*terms, *SPECIALS])


def _refuse_overlaps(terms: Sequence[str]) -> None:
    beginnings: dict[str, list[str]] = {}
    for term in terms:
        for size in range(1, len(term)):
            beginnings.setdefault(term[:size], []).append(term)
    for term in terms:
        for size in range(1, len(term)):
            other = next((one for one in beginnings.get(term[-size:], ()) if one != term), None)
            if other is not None:
                raise InputError(
                    f"the protected terms {term!r} and {other!r} can overlap",
                    where=_WHERE,
                    why=f"{term + other[size:]!r} holds both, and readers of the vocabulary would take different ones",
                    fix="leave one of them out",
                )


def between(texts: Iterable[str], terms: Sequence[str]) -> Iterator[str]:
    """Yield what stands between the terms: that is what words are learned from."""
    if not terms:
        yield from texts
        return
    longest_first = sorted(terms, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    for text in texts:
        yield from filter(None, pattern.split(text))
