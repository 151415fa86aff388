"""What goes in comes out, control tokens cannot be smuggled in, and a stream never shows half a character."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.core.errors import InputError
from ingot.tokenizer.bulk import bulk_encoder
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.pieces import LONGEST_CHARACTERS
from ingot.tokenizer.train import learn, write
from ingot.tokenizer.vocabulary import SPECIALS
from tests.tokenizer.conftest import MIXED

FRAGMENTS = [
    "<|eos|>",
    "<|im_end|>",
    "<think>",
    "<|",
    "\r\n",
    "\0",
    "\x7f",
    "\u200d",
    "\ufeff",
    "\ufffd",
    "🏳️‍🌈",
    "e\u0301",
]
anything = st.lists(st.text() | st.sampled_from([*FRAGMENTS, *SPECIALS])).map("".join)


@given(text=anything)
@settings(deadline=None)
def test_decoding_gives_back_the_text_and_text_never_becomes_control(codec: Codec, text: str) -> None:
    ids = codec.encode(text)
    assert codec.decode(ids) == text
    assert all(token_id >= len(SPECIALS) and codec.token_bytes(token_id) for token_id in ids)


@given(text=anything)
@settings(deadline=None)
def test_a_stream_is_the_text_and_shows_only_whole_characters(codec: Codec, text: str) -> None:
    decoder = codec.decoder()
    shown = [decoder.push(token_id) for token_id in codec.encode(text)]
    assert decoder.flush() == ""
    assert "".join(shown) == text
    assert "\ufffd" in text or all("\ufffd" not in part for part in shown)


def test_a_character_appears_with_its_last_byte(codec: Codec) -> None:
    decoder = codec.decoder()
    ids = codec.encode("🦤")
    assert len(ids) > 1
    assert [decoder.push(token_id) for token_id in ids] == [""] * (len(ids) - 1) + ["🦤"]
    decoder.push(ids[0])
    assert decoder.flush() == "\ufffd"


def test_control_tokens_have_no_text(codec: Codec) -> None:
    ids = [codec.bos, *codec.encode("hello"), codec.end_of_turn, codec.eos, codec.pad]
    assert codec.decode(ids) == "hello"
    assert len({codec.bos, codec.eos, codec.pad, codec.start_of_turn, codec.end_of_turn}) == 5


def test_a_batch_is_its_texts_one_by_one(codec: Codec, corpus: list[str]) -> None:
    texts = ["", "one", *corpus, "", "two " * 50_000]
    assert codec.encode_batch(texts) == [codec.encode(text) for text in texts]
    assert codec.encode_batch([]) == []


def test_parts_are_read_as_they_are_needed_and_cover_every_text(codec: Codec) -> None:
    taken: list[int] = []

    def texts() -> Iterator[str]:
        for number in range(40):
            taken.append(number)
            yield f"text {number} " * 10_000

    parts = codec.encode_parts(texts(), cores=1)
    first, _ = next(parts)
    assert len(taken) < 40
    assert {first, *(number for number, _ in parts)} == set(range(40))


def reference_ids(codec: Codec, text: str) -> list[int]:
    return list(codec.tokenizer.encode(text, add_special_tokens=False).ids)


@pytest.mark.parametrize("terms", [[], ["visitor", "AST.node", "x" * 40]])
def test_a_lot_of_text_is_encoded_in_bulk_with_the_ids_of_the_reference(corpus: list[str], terms: list[str]) -> None:
    codec = Codec(learn(corpus, 1024, terms=terms))
    texts = ["", "one", corpus[0] * 12, "it'ſ <|eos|>", "x" * 39, *corpus, *MIXED, "", "two " * 50_000]
    found: list[list[int]] = [[] for _ in texts]
    for number, ids in codec.encode_parts(texts):
        found[number].extend(ids)
    assert codec.encoder == "bulk"
    assert found == [reference_ids(codec, text) for text in texts]


def test_a_little_text_is_encoded_by_the_reference(codec: Codec, corpus: list[str]) -> None:
    fresh = Codec(codec.tokenizer)
    assert fresh.encode_batch(corpus) == [reference_ids(codec, text) for text in corpus]
    assert fresh.encoder == "reference"


@given(text=anything)
@settings(deadline=None)
def test_a_codec_that_was_prepared_gives_the_same_ids(codec: Codec, prepared: Codec, text: str) -> None:
    assert prepared.encoder == "bulk"
    assert prepared.encode(text) == codec.encode(text)


@pytest.fixture(scope="module")
def prepared(tokenizer_folder: Path) -> Codec:
    codec = Codec.load(tokenizer_folder)
    codec.prepare()
    return codec


def test_text_without_a_place_to_cut_has_the_same_ids_both_ways(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a" * (LONGEST_CHARACTERS + 5000), "\u0301" * (LONGEST_CHARACTERS + 5000), "b"]
    in_bulk = Codec(codec.tokenizer)
    ids = in_bulk.encode_batch(texts)
    assert in_bulk.encoder == "bulk"
    monkeypatch.setattr("ingot.tokenizer.codec.bulk_encoder", lambda _: None)
    alone = Codec(codec.tokenizer)
    assert alone.encode_batch(texts) == ids
    assert alone.encoder == "reference"


def test_a_bulk_encoder_that_disagrees_is_not_used(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    other = bulk_encoder(learn(["other words", "other merges"] * 5, 512))
    assert other is not None
    monkeypatch.setattr("ingot.tokenizer.codec.bulk_encoder", lambda _: other)
    fresh = Codec(codec.tokenizer)
    text = "some words of a text. " * 60_000
    assert fresh.encode_batch([text]) == [reference_ids(codec, text)]
    assert fresh.encoder == "reference"


def test_half_a_character_in_a_lot_of_text_is_refused(codec: Codec) -> None:
    texts = ["some words of a text. " * 60_000, "abc\ud83d"]
    with pytest.raises(InputError, match="half a character"):
        Codec(codec.tokenizer).encode_batch(texts)


def test_threads_can_share_a_codec(codec: Codec, corpus: list[str]) -> None:
    texts = corpus * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(codec.encode, texts)) == [codec.encode(text) for text in texts]


@pytest.mark.parametrize("which", ["codec", "prepared"])
def test_half_a_character_is_refused_with_its_place(which: str, request: pytest.FixtureRequest) -> None:
    codec: Codec = request.getfixturevalue(which)
    with pytest.raises(InputError, match="half a character") as caught:
        codec.encode("abc\ud83d")
    assert "3" in caught.value.where
    assert caught.value.fix


def test_a_shared_codec_is_read_again_when_its_file_has_changed(tmp_path: Path, corpus: list[str]) -> None:
    write(learn(corpus, 512), tmp_path)
    first = Codec.shared(tmp_path)
    assert Codec.shared(tmp_path) is first
    write(learn(corpus, 576), tmp_path)
    assert Codec.shared(tmp_path).vocabulary == 576
    with pytest.raises(InputError, match="no tokenizer"):
        Codec.shared(tmp_path / "elsewhere")


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tokenizer") as caught:
        Codec.load(tmp_path)
    assert str(tmp_path) in caught.value.where


@pytest.mark.parametrize("content", ["", "{}", "not json"])
def test_an_unreadable_tokenizer_is_an_error_a_person_can_act_on(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        Codec.load(tmp_path)
