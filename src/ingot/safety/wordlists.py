"""How lists of words stand in the code: as lines of text, one string a line."""

from __future__ import annotations


def listed(*lines: str) -> tuple[str, ...]:
    """Return the words of lines.

    >>> listed("rue avenue", "via")
    ('rue', 'avenue', 'via')
    """
    return tuple(word for line in lines for word in line.split())


def phrases(*lines: str) -> tuple[str, ...]:
    """Return the phrases of lines, which a bar parts.

    >>> phrases("my name is|call me", "named")
    ('my name is', 'call me', 'named')
    """
    return tuple(phrase for line in lines for phrase in line.strip("|").split("|"))
