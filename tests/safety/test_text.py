from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingot.safety.text import Text, any_word


@given(st.text())
def test_offsets_lead_from_bytes_to_characters(text: str) -> None:
    whole = Text(text)
    byte = 0
    for place, character in enumerate(text):
        assert (byte if whole.offsets is None else whole.offsets[byte]) == place
        byte += len(character.encode("utf-8", "surrogatepass"))
    assert (byte if whole.offsets is None else whole.offsets[byte]) == len(text)


def test_it_is_the_text_and_remembers() -> None:
    whole = Text("Grüße von Anna")
    assert whole == "Grüße von Anna"
    assert Text.of(whole) is whole
    assert whole.words is whole.words
    assert whole.before(5, 3) == "üße"
    assert whole.after(10, 20) == "anna"


def test_ascii_needs_no_offsets() -> None:
    assert Text("plain").offsets is None


def test_words_are_found_whole() -> None:
    speaks = any_word(("tel", "tel."))
    assert speaks.search("Tel: 1")
    assert not speaks.search("hotel")
    assert not speaks.search("telly")
