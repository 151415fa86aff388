"""Notes come with the slide they belong to."""

from __future__ import annotations

from ingot.data.speaker_notes import speaker_notes
from tests.data.samples import packed, pptx_bytes


def test_notes_by_slide() -> None:
    slides = [("One", "a", ""), ("Two", "b", "Say hello &amp; smile."), ("Three", "c", "Thank them.")]
    assert speaker_notes(pptx_bytes(*slides)) == {2: "Say hello & smile.", 3: "Thank them."}


def test_what_is_no_presentation_has_none() -> None:
    assert speaker_notes(b"") == {}
    assert speaker_notes(packed({"a.txt": "x"})) == {}
    assert speaker_notes(pptx_bytes(("One", "a", "b"))[:500]) == {}
