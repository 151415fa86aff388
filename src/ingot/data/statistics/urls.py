"""Whether a stretch without white space is a web address, which stays one word: the pattern spaCy took from D. Perini.

A scheme and a user may come first; then a host name with a domain in lower case, or a public IPv4 address; then a port
and a path.
"""

from __future__ import annotations

import numpy as np

from ingot.core.compiling import compiled
from ingot.data.characters import ALPHABETIC, DIGIT, LOWER
from ingot.data.statistics.arrays import ZERO, Text

_AT, _PERIOD, _COLON, _SLASH, _QUESTION, _HASH = (ord(sign) for sign in "@.:/?#")
_MINUS, _PLUS, _UNDERSCORE = (ord(sign) for sign in "-+_")
_ZERO, _NINE, _A, _Z, _BEYOND_LATIN, _LAST_PLANE = ord("0"), ord("9"), ord("a"), ord("z"), 0xA1, 0xFFFF
_TO_LOWER = 0x20
_LONGEST_LABEL, _LONGEST_DOMAIN, _OCTETS = 64, 63, 4


@compiled
def is_url(text: Text, start: int, end: int) -> bool:
    """Say whether the characters from `start` to `end` are an address."""
    host = _after_scheme(text, start, end)
    if _is_from_host(text, start, end) or (host > start and _is_from_host(text, host, end)):
        return True
    for place in range(start + 1, end):
        if np.uint32(text[place]) == _AT and _is_from_host(text, place + 1, end):
            return True
    return False


@compiled
def _after_scheme(text: Text, start: int, end: int) -> int:
    place = start
    while place < end and (text[place] & (ALPHABETIC | DIGIT) or _is_scheme_sign(np.uint32(text[place]))):
        place += 1
    if place - start < 2 or place + 2 >= end or np.uint32(text[place]) != _COLON:
        return start
    return place + 3 if np.uint32(text[place + 1]) == _SLASH and text[place + 1] == text[place + 2] else start


@compiled
def _is_scheme_sign(code: np.uint32) -> bool:
    return bool(code == _PERIOD or code == _MINUS or code == _PLUS or code == _UNDERSCORE)


@compiled
def _is_from_host(text: Text, start: int, end: int) -> bool:
    place = start
    while place < end and _is_host(np.uint32(text[place])):
        place += 1
    return (_is_name(text, start, place) or _is_public_address(text, start, place)) and _is_rest(text, place, end)


@compiled
def _is_host(code: np.uint32) -> bool:
    is_latin = _ZERO <= code <= _NINE or _A <= (code | _TO_LOWER) <= _Z
    return bool(is_latin or code == _PERIOD or _is_inner(code) or _BEYOND_LATIN <= code <= _LAST_PLANE)


@compiled
def _is_inner(code: np.uint32) -> bool:
    return bool(code == _MINUS or code == _UNDERSCORE)


@compiled
def _is_name(text: Text, start: int, end: int) -> bool:
    """Say whether it is labels with periods between, and last a domain."""
    label = start
    for place in range(start, end):
        if np.uint32(text[place]) != _PERIOD:
            continue
        if not 0 < place - label <= _LONGEST_LABEL:
            return False
        if _is_inner(np.uint32(text[label])) or _is_inner(np.uint32(text[place - 1])):
            return False
        label = place + 1
    if label == start or not 2 <= end - label <= _LONGEST_DOMAIN:
        return False
    for place in range(label, end):
        if not text[place] & LOWER:
            return False
    return True


@compiled
def _is_public_address(text: Text, start: int, end: int) -> bool:
    """Say whether it is four numbers with periods between, and no address of a private network."""
    value = size = octet = first = second = ZERO
    for place in range(start, end + 1):
        code = np.int64(np.uint32(text[place])) if place < end else _PERIOD
        if _ZERO <= code <= _NINE and size < _OCTETS:
            value = value * 10 + code - _ZERO
            size += 1
            continue
        if not 0 < size < 4 or octet == _OCTETS or code != _PERIOD:
            return False
        is_inner = 0 < octet < _OCTETS - 1
        most = 223 if octet == 0 else 255 if is_inner else 254
        has_zero_ahead = (size == 2 and value < 10 and not is_inner) or (size == 3 and value < 100)
        if has_zero_ahead or value > most or (value == 0 and not is_inner):
            return False
        first = value if octet == 0 else first
        second = value if octet == 1 else second
        octet += 1
        value = size = 0
    return octet == _OCTETS and not _is_private(first, second)


@compiled
def _is_private(first: int, second: int) -> bool:
    is_local = first == 10 or first == 127 or (first == 169 and second == 254) or (first == 192 and second == 168)
    return is_local or (first == 172 and 16 <= second <= 31)


@compiled
def _is_rest(text: Text, start: int, end: int) -> bool:
    """Say whether a port, a path or nothing follows the host."""
    place = start
    if place < end and np.uint32(text[place]) == _COLON:
        place += 1
        while place < end and _ZERO <= np.uint32(text[place]) <= _NINE:
            place += 1
        if not 2 <= place - start - 1 <= 5:
            return False
    if place == end:
        return True
    code = np.uint32(text[place])
    return bool(code == _SLASH or code == _QUESTION or code == _HASH)
