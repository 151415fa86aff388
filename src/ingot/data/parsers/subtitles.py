"""Subtitles (SubRip, WebVTT) as what was said: paragraphs with their speakers, each with the time it begins at.

A caption is half a sentence, cut for the screen. Captions are joined until somebody else speaks or nobody does for two
seconds; numbers, times, styles and positions on the screen go. See the WebVTT recommendation of the W3C, section 4.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.data.cutting import cut_text
from ingot.data.decoding import decode
from ingot.data.document import Document, Position, as_documents
from ingot.flow.source import SourceItem

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"^[ \t]*{_TIME}[ \t]+-->[ \t]+{_TIME}")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?[ \t]+([^>]*)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_PAUSE_SECONDS = 2.0
_LONGEST_CHARACTERS = 1000
_ENDS_SENTENCE = (".", "!", "?", "…", "。", '"', "”")


@dataclass(frozen=True)
class Config:
    """Settings of the subtitle parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = ("srt", "vtt")
    piece_bytes: int = 1 << 20


@dataclass(frozen=True)
class _Caption:
    start: float
    end: float
    speaker: str
    text: str


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield what was said as one Document, or as pieces when it is long; `positions` gives times as hh:mm:ss."""
    captions = list(_captions(decode(stream.read())))
    if not captions:
        fix = "give it the ending .txt to read it as text"
        raise InputError("there are no subtitles in it", why="no line says from when to when", fix=fix)
    text, positions = _paragraphs(captions)
    media_type = "text/vtt" if item.uri.lower().endswith(".vtt") else "application/x-subrip"
    return as_documents(cut_text(text, config.piece_bytes, positions), item, media_type=media_type, parser="subtitles")


def _captions(text: str) -> Iterator[_Caption]:
    lines = iter(text.split("\n"))
    for line in lines:
        times = _TIMES.match(line)
        if times is None:
            continue
        said: list[str] = []
        for spoken in lines:
            if not spoken.strip():
                break
            said.append(spoken)
        start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
        yield from _voices(start, end, "\n".join(said))


def _voices(start: float, end: float, said: str) -> Iterator[_Caption]:
    """Yield what each voice of a caption says; SubRip knows none."""
    before, *voiced = _VOICE.split(said)
    for speaker, text in zip(["", *voiced[::2]], [before, *voiced[1::2]], strict=True):
        words = " ".join(html.unescape(_TAG.sub("", text)).split())
        if words:
            yield _Caption(start, end, " ".join(speaker.split()), words)


def _paragraphs(captions: list[_Caption]) -> tuple[str, list[Position]]:
    parts: list[str] = []
    positions: list[Position] = []
    place = 0
    for paragraph in _joined(captions):
        first = paragraph[0]
        text = " ".join(caption.text for caption in paragraph)
        text = f"{first.speaker}: {text}" if first.speaker else text
        positions.append(Position("time", _clock(first.start), place))
        parts.append(text)
        place += len(text.encode("utf-8")) + len("\n\n")
    return "\n\n".join(parts), positions


def _joined(captions: list[_Caption]) -> Iterator[list[_Caption]]:
    held: list[_Caption] = []
    for caption in captions:
        if held and _begins_anew(held, caption):
            yield held
            held = []
        held.append(caption)
    yield held


def _begins_anew(held: list[_Caption], caption: _Caption) -> bool:
    last = held[-1]
    is_long = sum(len(each.text) for each in held) > _LONGEST_CHARACTERS and last.text.endswith(_ENDS_SENTENCE)
    return caption.speaker != last.speaker or caption.start - last.end > _PAUSE_SECONDS or is_long


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02}"
