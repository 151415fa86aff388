"""Cut a document into passages of bounded size, at ends of paragraphs, lines or sentences, with exact byte spans.

Sentences are packed into a passage until the next one does not fit. A paragraph that begins behind the middle of a
passage begins the next one, so that what belongs together stays together. A sentence that is too long by itself is cut
at a line, a word, or else between two characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingot.data.cutting import boundary
from ingot.data.decoding import Encoding

Span = tuple[int, int]
_UTF8 = Encoding("utf-8")


def _any_of(characters: str) -> str:
    return "|".join(re.escape(each.encode()).decode("latin-1") for each in characters)


# In UTF-8 as bytes, so that spans need no second count. Scripts written without spaces have none behind a full stop.
_SPACED_ENDS = f"(?:[.!?:;]|{_any_of('…؟۔।')})(?:[\"')\\]]|{_any_of('”’»')})*[ \t]+(?![a-z])"
_OTHER_ENDS = f"(?:{_any_of('。！？')})(?:{_any_of('」』”’）')})*"
_ENDS = re.compile(f"(?:[ \t]*\r?\n)+[ \t]*|{_SPACED_ENDS}|{_OTHER_ENDS}".encode("latin-1"))
_BLANK = b" \t\r\n\x0b\x0c"


def cut(text: bytes, most_bytes: int) -> list[Span]:
    """Return where the passages of a text begin and end, in order; white space around them belongs to none.

    No passage is longer than `most_bytes`, which must hold a character.

    >>> [b"One. Two. Three."[start:end] for start, end in cut(b"One. Two. Three.", 10)]
    [b'One. Two.', b'Three.']
    """
    found: list[Span] = []
    begin = end = 0
    for start, stop, is_paragraph in _units(text, most_bytes):
        is_full = stop - begin > most_bytes
        if end > begin and (is_full or (is_paragraph and 2 * (end - begin) > most_bytes)):
            found.append((begin, end))
            begin = start
        elif end == begin:
            begin = start
        end = stop
    return [*found, (begin, end)] if end > begin else found


def sentences(text: str) -> list[str]:
    """Return the sentences of a text; a line, such as a heading, is one, too.

    >>> sentences("Rent is due. Who pays it?")
    ['Rent is due.', 'Who pays it?']
    """
    whole = text.encode("utf-8", "replace")
    return [whole[start:end].decode() for start, end, _ in _units(whole, max(len(whole), 1))]


def _units(text: bytes, most_bytes: int) -> Iterator[tuple[int, int, bool]]:
    """Yield sentences without the white space around them, and whether a paragraph begins with each."""
    is_paragraph = True
    begin = 0
    for end in [*(match.end() for match in _ENDS.finditer(text)), len(text)]:
        unit = text[begin:end]
        start = begin + len(unit) - len(unit.lstrip(_BLANK))
        stop = begin + len(unit.rstrip(_BLANK))
        if start < stop:
            for first, last in _short(text, start, stop, most_bytes):
                yield first, last, is_paragraph
                is_paragraph = False
        is_paragraph = is_paragraph or text[max(stop, begin) : end].count(b"\n") > 1
        begin = end


def _short(text: bytes, start: int, stop: int, most_bytes: int) -> Iterator[Span]:
    """Yield a stretch in parts that are short enough."""
    while stop - start > most_bytes:
        part = text[start : start + boundary(text[start : start + most_bytes], _UTF8)]
        yield start, start + len(part.rstrip(_BLANK))
        start += len(part)
        start += len(text[start:stop]) - len(text[start:stop].lstrip(_BLANK))
    if start < stop:
        yield start, stop
