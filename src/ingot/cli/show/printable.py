"""Text from outside as a terminal may print it: documents can hold sequences that would command it."""

from __future__ import annotations

_PLAIN = "\n\t"


def printable(text: str) -> str:
    """Return a text in which whatever is neither a sign nor a blank is a dot.

    >>> printable("red \\x1b[31mwords\\u202e\\nbelow")
    'red ·[31mwords·\\nbelow'
    """
    return text if text.isprintable() else "".join(map(_sign, text))


def _sign(character: str) -> str:
    if character.isprintable() or character in _PLAIN:
        return character
    return " " if character.isspace() else "·"
