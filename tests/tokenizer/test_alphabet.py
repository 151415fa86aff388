"""One character for each byte, and back."""

from __future__ import annotations

from tokenizers.pre_tokenizers import ByteLevel

from ingot.tokenizer.alphabet import BYTE_OF, CHARACTER_OF, as_bytes, as_text


def test_it_is_the_alphabet_of_the_reference() -> None:
    assert set(CHARACTER_OF) == set(ByteLevel.alphabet())
    text = "".join(map(chr, range(0x100)))
    ((spelled, _),) = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(text)
    assert as_text(text.encode()) == spelled


def test_every_byte_comes_back() -> None:
    everything = bytes(range(256))
    assert as_bytes(as_text(everything)) == everything
    assert len(BYTE_OF) == 256
