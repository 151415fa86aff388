"""Text from outside as a terminal may print it: documents can hold sequences that would command it."""

from __future__ import annotations

_PLAIN = "\n\t"


def printable(text: str) -> str:
    """Return a text in which whatever is neither a sign nor a blank is a dot.

    >>> printable("red \\x1b[31mwords\\u202e\\nbelow")
    'red ·[31mwords·\\nbelow'
    """
    return text if text.isprintable() else "".join(map(_sign, text))


def on_one_line(text: str) -> str:
    """Return a text as `printable` does, with a blank for every line break and tab.

    >>> on_one_line("name\\nof a\\tfile\\x07")
    'name of a file·'
    """
    return text if text.isprintable() else " ".join(printable(text).replace("\t", " ").splitlines())


def _sign(character: str) -> str:
    if character.isprintable() or character in _PLAIN:
        return character
    return " " if character.isspace() else "·"
