"""Excerpts: a few windows of a long text instead of all of it, for what a part of a text says as well as the whole."""

from __future__ import annotations

WINDOWS = 8


def excerpt(text: str, characters: int) -> str:
    """Return a text of at most `characters`, or else so many in eight evenly spaced windows from end to end.

    >>> excerpt("short", 100)
    'short'
    >>> excerpt("abcdefghij" * 100, 80).split("\\n")[0]
    'abcdefghij'
    """
    if len(text) <= characters:
        return text
    size = max(1, characters // WINDOWS)
    starts = ((len(text) - size) * window // (WINDOWS - 1) for window in range(WINDOWS))
    return "\n".join(text[start : start + size] for start in starts)
