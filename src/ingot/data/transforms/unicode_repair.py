"""Repair what went wrong with characters: wrong encodings, control and invisible characters, letters not composed.

A line that reads like UTF-8 taken for something else (`cafÃ©`) is decoded again by ftfy (Speer, 2019), which changes
only what is unlikely to be meant. Control characters, soft hyphens, zero-width signs and marks of writing direction
go, and letters are composed (Unicode's form NFC). Only these places are edited; joiners stay where Persian, Indian
scripts and emoji need them, and code is not touched.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import pyarrow as pa
from ftfy import fix_encoding
from ftfy.badness import is_bad

from ingot.data.batch import TextBatch
from ingot.data.composing import composed
from ingot.data.edits import Edit

MOJIBAKE, ENCODING = "read in a wrong encoding", "sign of another encoding"
CONTROL, INVISIBLE, COMPOSED = "control character", "invisible character", "letter not composed"

# Wrongly decoded UTF-8 leaves two such characters in a row, or one before a space that was a non-breaking one.
_MAYBE_BAD = re.compile(r"[^\x00-\x7f]{2}|[ŒœÃÂ]")
_NOT_ASCII = re.compile(r"([^\x00-\x7f]+)")
_MOST_COMPARED = 2000

_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff"
_HIDDEN = r"\u00ad\u034f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_JOINERS, _TAGS, _FLAG = r"\u200c\u200d", r"\U000e0000-\U000e007f", "\U0001f3f4"
_MAYBE_UNWANTED = re.compile(rf"[{_CONTROLS}{_HIDDEN}{_JOINERS}{_TAGS}]")
_UNWANTED = re.compile(
    rf"(?P<control>\x1b\[[0-?]*[ -/]*[@-~]|[{_CONTROLS}])"
    rf"|(?P<hidden>[{_HIDDEN}]+|(?<![^\x00-\x7f])[{_JOINERS}]+|(?<![{_FLAG}{_TAGS}])[{_TAGS}]+)"
)
# What composes with one another stands in one run: a letter and all that follows and is no plain character.
_RUN = re.compile(r"[\x20-\x7e]?(?:\x1b\[[0-?]*[ -/]*[@-~]|[^\t\n\r\x20-\x7e])+")
_LINE_ENDS = "\x0b\x0c\u2028\u2029"


@dataclass(frozen=True)
class Config:
    """Settings of the Unicode repair: the parsers whose texts stay as they are, and which repairs to make."""

    except_parsers: tuple[str, ...] = ("code",)
    encodings: bool = True
    unwanted: bool = True
    compose: bool = True


class Transform:
    """Describes the repairs of each text on its own."""

    surveys = False

    def __init__(self, config: Config) -> None:
        self._config = config

    def edits(self, batch: TextBatch, state: pa.Table | None) -> Sequence[Sequence[Edit]]:
        """Return the repairs of every text."""
        parsers = batch.rows.column("parser").to_pylist()
        return [
            () if parser in self._config.except_parsers else tuple(self._repairs(text))
            for text, parser in zip(batch.strings, parsers, strict=True)
        ]

    def _repairs(self, text: str) -> Iterator[Edit]:
        place = 0
        for start, line, fixed in redecoded(text) if self._config.encodings and not text.isascii() else ():
            yield from self._tidied(text, place, start)
            again = "".join(_applied(fixed, self._tidied(fixed, 0, len(fixed))))
            yield from (_moved(edit, start) for edit in _line_differences(line, again))
            place = start + len(line)
        yield from self._tidied(text, place, len(text))

    def _tidied(self, text: str, start: int, end: int) -> Iterator[Edit]:
        """Yield the edits that remove unwanted characters and compose letters between two places."""
        part = text if (start, end) == (0, len(text)) else text[start:end]
        has_unwanted = self._config.unwanted and _MAYBE_UNWANTED.search(part) is not None
        is_composed = part.isascii() or not self._config.compose or unicodedata.is_normalized("NFC", part)
        if not has_unwanted and is_composed:
            return
        for match in _RUN.finditer(part):
            run = match[0]
            removals = list(_removals(run)) if has_unwanted else []
            cleaned = "".join(_applied(run, removals))
            whole = composed(cleaned) if self._config.compose else cleaned
            wanted = removals if whole == cleaned else _differences(run, whole, COMPOSED)
            yield from (_moved(edit, start + match.start()) for edit in wanted)


def redecoded(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield where each line begins that was read in a wrong encoding, the line, and the line decoded again."""
    end = 0
    while (match := _MAYBE_BAD.search(text, end)) is not None:
        start = text.rfind("\n", end, match.start()) + 1 or end
        end = text.find("\n", match.end())
        end = len(text) if end < 0 else end
        line = text[start:end]
        if is_bad(line) and (fixed := fix_encoding(line)) != line:
            yield start, line, fixed


def _line_differences(line: str, fixed: str) -> Iterator[Edit]:
    """Yield the edits between a line and the same decoded again: its ASCII parts stay where they are."""
    old, new = _NOT_ASCII.split(line), _NOT_ASCII.split(fixed)
    if len(old) == len(new) and old[::2] == new[::2]:
        place = 0
        for before, after in zip(old, new, strict=True):
            yield from (_moved(edit, place) for edit in _differences(before, after, MOJIBAKE))
            place += len(before)
    elif len(line) <= _MOST_COMPARED:
        for kind, start, end, first, last in SequenceMatcher(None, line, fixed, autojunk=False).get_opcodes():
            if kind != "equal":
                yield Edit(start, end, fixed[first:last], MOJIBAKE)
    else:
        yield from _differences(line, fixed, MOJIBAKE)


def _removals(run: str) -> Iterator[Edit]:
    for match in _UNWANTED.finditer(run):
        if match["hidden"] is not None:
            yield Edit(match.start(), match.end(), "", INVISIBLE)
        else:
            instead = _instead(match[0])
            yield Edit(match.start(), match.end(), instead, ENCODING if instead.strip() else CONTROL)


def _instead(control: str) -> str:
    """Return what stands in the place of a control character: a line end, or the sign it is in Windows-1252."""
    if control in _LINE_ENDS:
        return "\n"
    if "\x80" <= control <= "\x9f":
        return bytes([ord(control)]).decode("cp1252", errors="ignore")
    return ""


def _differences(old: str, new: str, why: str) -> Iterator[Edit]:
    """Yield one edit between two strings, without what they have in common at either end."""
    if old == new:
        return
    start = _common(old, new, lambda text, place: text[place])
    most = min(len(old), len(new)) - start
    end = min(most, _common(old, new, lambda text, place: text[-1 - place]))
    yield Edit(start, len(old) - end, new[start : len(new) - end], why)


def _common(old: str, new: str, character: Callable[[str, int], str]) -> int:
    shorter = min(len(old), len(new))
    return next((place for place in range(shorter) if character(old, place) != character(new, place)), shorter)


def _applied(text: str, edits: Iterator[Edit] | Sequence[Edit]) -> Iterator[str]:
    place = 0
    for edit in edits:
        yield text[place : edit.start]
        yield edit.text
        place = edit.end
    yield text[place:]


def _moved(edit: Edit, by: int) -> Edit:
    return replace(edit, start=edit.start + by, end=edit.end + by)
