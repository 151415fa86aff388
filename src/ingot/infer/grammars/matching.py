"""Whether a text matches a pattern of a schema: in time linear in both, and alike in ECMA 262 and in Python."""

from __future__ import annotations

from functools import lru_cache

from ingot.core.errors import UsageError
from ingot.infer.grammars.regex import read
from ingot.infer.grammars.words import refuse
from ingot.safety.patterns import Pattern

_KEPT = 256


def matches(pattern: str, text: str, where: str) -> bool:
    """Say whether a pattern occurs in a text. Raises InputError, naming `where`, for one that is not read here."""
    return _compiled(pattern, where).occurs(text)


@lru_cache(_KEPT)
def _compiled(pattern: str, where: str) -> Pattern:
    read(pattern, where)  # it leaves out what means different things in different libraries
    try:
        return Pattern(pattern, where=where)
    except UsageError:
        refuse(where, "the pattern cannot be read", "write it simpler")
