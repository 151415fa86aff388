"""The byte-level alphabet of GPT-2: one printable character for each byte, so that any token can be written as text.

Printable bytes stand for themselves, the others for U+0100 onwards (Radford et al. 2019).
"""

from __future__ import annotations

from typing import Final

_PRINTABLE = frozenset((*range(33, 127), *range(161, 173), *range(174, 256)))
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]

CHARACTER_OF: Final = tuple(chr(byte if byte in _PRINTABLE else 256 + _OTHERS.index(byte)) for byte in range(256))
BYTE_OF: Final = {character: byte for byte, character in enumerate(CHARACTER_OF)}


def as_text(token: bytes) -> str:
    """Return a token as it is written in a vocabulary."""
    return "".join(CHARACTER_OF[byte] for byte in token)


def as_bytes(token: str) -> bytes:
    """Return the bytes that a token of a vocabulary stands for."""
    return bytes(BYTE_OF[character] for character in token)
