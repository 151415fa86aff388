"""The script most letters of a text belong to."""

from __future__ import annotations

import pytest

from ingot.tokenizer.scripts import UNKNOWN, script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("The quick brown fox", "Latin"),
        ("Größenordnung; łódź, naïve", "Latin"),
        ("Ελληνικά", "Greek"),
        ("русский язык and words", "Cyrillic"),
        ("שלום", "Hebrew"),
        ("العربية", "Arabic"),
        ("हिन्दी", "Devanagari"),
        ("ภาษาไทย", "Thai"),
        ("你好,世界", "Han"),
        ("日本語の文章", "Japanese"),
        ("한국어", "Hangul"),
        ("𠀀𠀁", "Han"),
        ("123 + 456 = 🎉", UNKNOWN),
        ("", UNKNOWN),
        ("\ud83d", UNKNOWN),
    ],
)
def test_the_script_is_found(text: str, script: str) -> None:
    assert script_of(text) == script
