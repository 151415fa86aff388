"""Encodings are found, and what is no text is refused with what it is."""

from __future__ import annotations

import random

import pytest

from ingot.core.errors import InputError
from ingot.data.decoding import decode, detect, uniform_lines

GERMAN = "Die schöne Frau hat Größe und übt Gemütlichkeit. Über die Änderung des Gesetzes wird später entschieden.\n"
RUSSIAN = "Настоящий договор заключён между сторонами в городе Москва. Стороны договорились о нижеследующем.\n"
JAPANESE = "この契約は、東京において両当事者の間で締結された。以下の条件に合意する。\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "cp1252"),
        (RUSSIAN, "utf-8"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN * 20, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        ("plain ASCII", "ascii"),
        ("café", "cp1252"),
        ("Zażółć gęślą jaźń. Umowa została zawarta w Warszawie pomiędzy stronami.", "cp1250"),
        ("El niño comió paella con ñoquis. La señora pagó 25,75 €.", "cp1252"),
        ("\x1b[31mred\x1b[0m and a form feed\f", "ascii"),
    ],
)
def test_an_encoding_is_found(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_character_cut_by_the_sample_is_not_an_error() -> None:
    sample = ("a" * 10 + "ü").encode()[:-1]
    assert detect(sample, is_whole=False).name == "utf-8"
    assert detect(sample, is_whole=True).name != "utf-8"


@pytest.mark.parametrize(
    ("payload", "looks_like"),
    [
        (random.Random(3).randbytes(5000), "binary data"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a PNG image"),
        (b"\x7fELF" + bytes(100), "a program"),
        (b"%PDF-1.4 pure ASCII", "a PDF document"),
        (b"text with a zero\0 byte and more text", "binary data"),
        (b"\x00\x01\x02\x03", "binary data"),
    ],
)
def test_what_is_no_text_is_refused_with_what_it_is(payload: bytes, looks_like: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(payload)
    assert looks_like in caught.value.why
    assert caught.value.fix


def test_a_pdf_named_as_text_is_told_its_right_name() -> None:
    with pytest.raises(InputError) as caught:
        decode(b"%PDF-1.7\n\xe2\xe3\xcf\xd3")
    assert ".pdf" in caught.value.fix


def test_line_ends_become_uniform() -> None:
    assert uniform_lines("a\r\nb\rc\nd") == "a\nb\nc\nd"
