"""Subtitles become what was said."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from ingot.data.document import Position
from tests.data.samples import parse

SUBRIP = """1
00:00:01,000 --> 00:00:03,500
<i>We begin
with half</i> a

2
00:00:03,600 --> 00:00:05,000
{\\an8}sentence &amp; end.

3
01:00:09,000 --> 01:00:10,000
Much later.
"""
WEBVTT = """WEBVTT - a title

NOTE nobody reads this

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.000 align:start
<v Anna>Hello <00:01.500><c.loud>there</c>.</v>

00:02.100 --> 00:03.000
<v Bo>Hi.</v> <v Anna>How are you?
"""


def test_captions_are_joined_until_there_is_a_pause() -> None:
    (document,) = parse("subtitles", "film.srt", SUBRIP.encode())
    assert document.text == "We begin with half a sentence & end.\n\nMuch later."
    assert document.positions == (Position("time", "00:00:01", 0), Position("time", "01:00:09", 38))
    assert document.media_type == "application/x-subrip"


def test_speakers_begin_paragraphs() -> None:
    (document,) = parse("subtitles", "talk.vtt", WEBVTT.encode())
    assert document.text == "Anna: Hello there.\n\nBo: Hi.\n\nAnna: How are you?"
    assert [position.label for position in document.positions] == ["00:00:01", "00:00:02", "00:00:02"]
    assert document.media_type == "text/vtt"


def test_what_has_no_times_has_a_reason() -> None:
    with pytest.raises(InputError, match="no subtitles") as caught:
        parse("subtitles", "a.srt", b"Just words.\n")
    assert ".txt" in caught.value.fix
