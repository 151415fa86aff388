"""Only what is broken is edited, in any language, and the reason is given."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.data.batch import of_texts
from ingot.data.edits import Change, Edit, apply
from ingot.data.transforms.unicode_repair import (
    COMPOSED,
    CONTROL,
    ENCODING,
    INVISIBLE,
    MOJIBAKE,
    Config,
    Transform,
)

SENTENCES = (
    "Die Miete ist am ersten Werktag fällig; spätere Zahlungen sind ungültig.",
    "L'été, la forêt brûlée était à l'est — « où ça ? » demanda-t-il.",
    "El niño comió piñas en el jardín, ¿verdad?",
    "Съешь же ещё этих мягких французских булок.",
    "Η γρήγορη αλεπού πηδάει πάνω από τον σκύλο.",
    "والكتاب على الطاولة في الغرفة.",
    "नमस्ते, आप कैसे हैं?",
    "今日はいい天気ですね。散歩に行きましょう。",
    "오늘은 날씨가 좋습니다.",
    "Naïve café, 5 °C, £20, “quoted” – and a dash…",
)


def edits(text: str, config: Config | None = None, parser: str = "text") -> Sequence[Edit]:
    return Transform(config or Config()).edits(of_texts([text], parser), None)[0]


def repaired(text: str, config: Config | None = None) -> str:
    return apply(text, Change("unicode_repair", tuple(edits(text, config))))


@pytest.mark.parametrize("sentence", SENTENCES)
def test_what_is_right_stays(sentence: str) -> None:
    assert not edits(f"{sentence}\n\n{sentence}\n")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_utf8_read_as_latin1_is_decoded_again(sentence: str) -> None:
    broken = sentence.encode("utf-8").decode("latin-1")
    assert repaired(broken) == sentence
    assert {edit.why for edit in edits(broken)} <= {MOJIBAKE, ENCODING}


def test_only_the_broken_places_are_edited() -> None:
    text = "A plain line, left alone.\nDer Kaffee im CafÃ© ist groÃŸ.\nNoch eine Zeile mit Größe.\n"
    assert repaired(text) == "A plain line, left alone.\nDer Kaffee im Café ist groß.\nNoch eine Zeile mit Größe.\n"
    assert [(text[edit.start : edit.end], edit.text) for edit in edits(text)] == [("Ã©", "é"), ("ÃŸ", "ß")]


def test_a_lost_non_breaking_space_is_put_back() -> None:
    assert repaired("voilÃ  le travail") == "voilà le travail"


def test_code_is_not_touched() -> None:
    assert not edits("s = 'cafÃ©'\u00ad", parser="code")
    assert edits("s = 'cafÃ©'", Config(except_parsers=()), parser="code")


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("one\x00two", "onetwo", CONTROL),
        ("page one\x0cpage two", "page one\npage two", CONTROL),
        ("\x1b[31;1mred\x1b[0m", "red", CONTROL),
        ("it\x92s", "it’s", ENCODING),
        ("Ver\u00adtrag", "Vertrag", INVISIBLE),
        ("zero\u200bwidth\ufeff", "zerowidth", INVISIBLE),
        ("abc\u202edef\u202c", "abcdef", INVISIBLE),
        ("plain\u200djoiner", "plainjoiner", INVISIBLE),
        ("hidden\U000e0061\U000e0062", "hidden", INVISIBLE),
        ("Cafe\u0301", "Café", COMPOSED),
        ("ha\u0302\u0323u", "hậu", COMPOSED),
    ],
)
def test_each_repair_has_its_reason(text: str, expected: str, why: str) -> None:
    assert repaired(text) == expected
    assert {edit.why for edit in edits(text)} == {why}


@pytest.mark.parametrize(
    "text",
    [
        "می‌خواهم",  # Persian, with the non-joiner that its spelling asks for
        "👩\u200d💻 👨\u200d👩\u200d👧",  # one sign each, joined
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # the flag of Scotland
        "tab\tand line\r\nend",
        "ᠨᠡᠷ\u180eᠡ",  # Mongolian, whose vowels are set apart
    ],
)
def test_what_a_script_needs_stays(text: str) -> None:
    assert not edits(text)


def test_repairs_can_be_chosen() -> None:
    text = "cafÃ© Cafe\u0301 a\u00adb"
    assert repaired(text, Config(encodings=False)) == "cafÃ© Café ab"
    assert repaired(text, Config(unwanted=False)) == "café Café a\u00adb"
    assert repaired(text, Config(compose=False)) == "café Cafe\u0301 ab"


def test_a_repair_within_a_repair() -> None:
    broken = "Ver\u00adgütung, Cafe\u0301".encode().decode("latin-1")
    assert repaired(broken) == "Vergütung, Café"


def test_endless_marks_are_left_as_they_are() -> None:
    text = "Cafe\u0301 a" + "\u0301\u0323" * 50_000
    assert repaired(text) == "Café a" + "\u0301\u0323" * 50_000


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_the_result_is_composed_and_holds_nothing_unwanted(text: str) -> None:
    after = repaired(text, Config(encodings=False))
    assert unicodedata.is_normalized("NFC", after)
    assert not set(after) & set("\x00\x0b\x7f\u00ad\u200b\ufeff\u202e")
    assert repaired(after, Config(encodings=False)) == after
