"""The bulk encoder gives the reference's ids, or leaves a text to the reference; it never gives others."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, normalizers
from tokenizers.models import WordLevel

from ingot.tokenizer import bulk
from ingot.tokenizer.bulk import BulkEncoder, bulk_encoder
from ingot.tokenizer.splitting import DEFAULT, SPLITTINGS, named
from ingot.tokenizer.vocabulary import SPECIALS
from tests.tokenizer.conftest import MIXED

Vocabulary = Callable[[str], Tokenizer]

FRAGMENTS = [
    "<|eos|>",
    "<think>",
    "<|",
    "\r\n",
    "\n\n",
    "  ",
    "\t",
    "\0",
    "\u200d",
    "\ufeff",
    "'s",
    "'LL",
    "'ſ",
    "e\u0301",
    "🏳️‍🌈",
]
anything = st.lists(st.text() | st.sampled_from([*FRAGMENTS, *SPECIALS, *MIXED])).map("".join)


def encoder_of(tokenizer: Tokenizer) -> BulkEncoder:
    made = bulk_encoder(tokenizer)
    assert made is not None, "gigatoken is installed and knows the rule"
    return made


def expected(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("splitting", SPLITTINGS)
def test_any_text_has_the_ids_of_the_reference(splitting: str, vocabulary_of: Vocabulary) -> None:
    tokenizer = vocabulary_of(splitting)
    encoder = encoder_of(tokenizer)

    @given(text=anything)
    @settings(deadline=None, max_examples=300)
    def check(text: str) -> None:
        ids = encoder.encode(text)
        assert ids is None or ids.tolist() == expected(tokenizer, text)

    check()


LONG = {
    "one letter": "a" * 1_000_000,
    "one word": "".join(chr(97 + (number * number * 7919) % 26) for number in range(1_000_000)),
    "one sign": "=" * 500_000,
    "blanks": " " * 500_000,
    "line ends": "\r\n" * 250_000,
    "digits": "7" * 200_000,
    "nothing": "\0" * 300_000,
    "marks": "e" + "\u0301" * 100_000,
    "joined emoji": "👩‍👩‍👧" * 20_000,
    "right to left": "שלום עולם " * 20_000,
    "no blanks": "中" * 100_000,
    "literal control tokens": "<|eos|><|im_end|>" * 10_000,
    "empty": "",
}


@pytest.mark.parametrize("kind", LONG)
def test_long_and_strange_texts_have_the_ids_of_the_reference(kind: str, vocabulary_of: Vocabulary) -> None:
    tokenizer = vocabulary_of(DEFAULT)
    ids = encoder_of(tokenizer).encode(LONG[kind])
    assert ids is not None
    assert ids.tolist() == expected(tokenizer, LONG[kind])


@pytest.mark.parametrize("splitting", SPLITTINGS)
def test_every_character_is_cut_alike_or_left_to_the_reference(splitting: str) -> None:
    """A vocabulary of all pairs of bytes shows where words were cut; real ones hide it."""
    tokenizer = revealing(splitting)
    encoder = encoder_of(tokenizer)
    left = 0
    # Every block in which versions of Unicode differ, and a part of the others.
    codes = [*range(0x20, 0xD800, 11), *range(0x870, 0x8A0), *range(0xA7C0, 0xA800), *range(0x10900, 0x10960)]
    for code in codes:
        for shape in ("x{}y", ".{}.", "1{}1", " {} ", "'{}s", "\n{}\n"):
            text = shape.format(chr(code))
            ids = encoder.encode(text)
            left += ids is None
            assert ids is None or ids.tolist() == expected(tokenizer, text), (hex(code), shape)
    assert left < len(codes) or named(splitting).is_ascii_only


def revealing(splitting: str) -> Tokenizer:
    rule = named(splitting)
    vocabulary = {bulk.CHARACTER_OF[byte]: byte for byte in range(256)}
    inside = range(0x80, 0xC0)
    pairs = [
        (bulk.CHARACTER_OF[left], bulk.CHARACTER_OF[right])
        for left in range(0xC0)
        for right in range(256)
        if right not in inside
    ]
    merged = {"".join(pair): 256 + place for place, pair in enumerate(pairs)}
    content = json.loads(bulk._tokenizer({**vocabulary, **merged}, pairs, rule.regex))
    content["model"]["ignore_merges"] = rule.ignores_merges
    return Tokenizer.from_str(json.dumps(content))


@pytest.mark.parametrize("text", ["it'ſ", "\u088f", "x\U00010940y", "\U00034000", "\U000d0000"])
def test_what_versions_of_unicode_cut_differently_is_left_to_the_reference(
    text: str, vocabulary_of: Vocabulary
) -> None:
    assert encoder_of(vocabulary_of(DEFAULT)).encode(text) is None


def test_ordinary_text_is_not(vocabulary_of: Vocabulary) -> None:
    encoder = encoder_of(vocabulary_of(DEFAULT))
    assert all(encoder.encode(text) is not None for text in (*MIXED[:3], "ſ and ' apart", "हिन्दी", "🎉"))


def test_protected_terms_are_found_and_control_tokens_are_text(corpus: list[str], vocabulary_of: Vocabulary) -> None:
    tokenizer = Tokenizer.from_str(vocabulary_of(DEFAULT).to_str())
    tokenizer.encode_special_tokens = True
    tokenizer.add_tokens([AddedToken(term, normalized=False) for term in ("XK-4711", "XK-47", "Größe™ 7")])
    encoder = encoder_of(tokenizer)
    for text in ("<|eos|>XK-4711 and XK-47,xXK-470x", "Größe™ 7<|im_end|>", corpus[0] + "XK-47"):
        ids = encoder.encode(text)
        assert ids is not None
        assert ids.tolist() == expected(tokenizer, text)


def test_half_a_character_is_refused(vocabulary_of: Vocabulary) -> None:
    with pytest.raises(UnicodeEncodeError):
        encoder_of(vocabulary_of(DEFAULT)).encode("abc\ud83d")


def test_threads_can_share_it(corpus: list[str], vocabulary_of: Vocabulary) -> None:
    tokenizer = vocabulary_of(DEFAULT)
    encoder = encoder_of(tokenizer)
    texts = [text[start : start + 2000] for text in corpus for start in range(0, len(text), 2000)] * 5
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: bytes(encoder.encode(text) or b""), texts))
    assert found == [bytes(encoder.encode(text) or b"") for text in texts]


def test_starting_anew_changes_nothing(vocabulary_of: Vocabulary) -> None:
    tokenizer = vocabulary_of(DEFAULT)
    encoder = bulk_encoder(tokenizer, most_growth_bytes=-(1 << 50))  # after each text
    assert encoder is not None
    for text in MIXED[:3] * 3:
        ids = encoder.encode(text)
        assert ids is not None
        assert ids.tolist() == expected(tokenizer, text)


def test_a_disagreement_is_noticed(vocabulary_of: Vocabulary) -> None:
    one, other = vocabulary_of(DEFAULT), vocabulary_of("llama-bpe")
    assert encoder_of(one).agrees(MIXED, one)
    assert not encoder_of(one).agrees([], other)


def test_what_it_does_not_know_is_left_to_the_reference(
    vocabulary_of: Vocabulary, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bulk_encoder(Tokenizer(WordLevel({"a": 0}, "a"))) is None
    normalised = Tokenizer.from_str(vocabulary_of(DEFAULT).to_str())
    normalised.normalizer = normalizers.NFC()
    assert bulk_encoder(normalised) is None
    changed = vocabulary_of(DEFAULT).to_str().replace(r"\\p{N}", r"\\p{N}{1,2}")
    assert bulk_encoder(Tokenizer.from_str(changed)) is None
    monkeypatch.setattr(bulk, "_IS_INSTALLED", False)
    assert bulk_encoder(vocabulary_of(DEFAULT)) is None
