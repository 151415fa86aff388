"""What is shown as trained is what is trained; sets that teach nothing are refused; rows that are wrong are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.data.shard import ShardWriter
from ingot.data.token_labels import Inspection, as_data, inspect_file, inspect_shards, refuse_unlearnable, summary
from ingot.data.token_labels import token_texts as texts_of
from ingot.data.token_labels_page import render as page
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from tests.data.codecs import small_codec

ASK: dict[str, Any] = {"role": "user", "content": "Who is über <b>?"}
SAY: dict[str, Any] = {"role": "assistant", "content": "Me.\n😀"}


@pytest.fixture(scope="module")
def codec() -> Codec:
    return small_codec()


def file_of(folder: Path, *talks: list[dict[str, Any]]) -> Path:
    path = folder / "talks.jsonl"
    path.write_text("\n\n".join(json.dumps({"messages": talk}) for talk in talks) + "\n")
    return path


def shards_of(folder: Path, *documents: list[int], vocabulary: int) -> Path:
    place = folder / "train/00000"
    place.mkdir(parents=True)
    with ShardWriter(place, "uint16", vocabulary) as writer:
        for number, ids in enumerate(documents):
            writer.append(f"doc-{number}", 1, [ids])
    writer.finish()
    manifest = {"format": 2, "dtype": "uint16", "vocabulary": vocabulary, "shards": {"train": 1, "held_out": 0}}
    write_atomically(folder / "shards.json", json.dumps({**manifest, "bos": 0, "eos": 0, "tokenizer": "", "facts": {}}))
    return folder


def test_a_file_and_its_shards_are_labelled_alike(tmp_path: Path, codec: Codec) -> None:
    talks = [[ASK, SAY], [ASK, SAY, ASK, SAY]]
    seen = inspect_file(file_of(tmp_path, *talks), codec, 1)
    documents = [[*render(talk, codec).ids, codec.eos] for talk in talks]
    learned = inspect_shards(shards_of(tmp_path / "shards", *documents, vocabulary=codec.vocabulary), codec, 1)
    assert seen.totals == learned.totals
    assert (seen.shown[0].ids, seen.shown[0].trained) == (learned.shown[0].ids, learned.shown[0].trained)
    assert (seen.shown[0].where, learned.shown[0].where) == ("talks.jsonl:1", "doc-0")
    assert (seen.totals.turns, seen.totals.ended_turns, len(seen.shown)) == (6, 3, 1)
    refuse_unlearnable(learned, "shards")


def test_every_token_is_spelled(codec: Codec, tmp_path: Path) -> None:
    one = inspect_file(file_of(tmp_path, [ASK, SAY]), codec, 1).shown[0]
    told = as_data(one, codec)["tokens"]
    assert [each["id"] for each in told] == one.ids
    trained = "".join(each["text"] for each in told if each["is_trained"])
    raw = b"".join(codec.token_bytes(token) for token in codec.encode("Me.\n😀"))
    assert trained.startswith("Me.\n")
    assert trained.endswith("<|im_end|>")
    assert raw.decode() == SAY["content"]
    assert told[-1] == {"id": codec.eos, "text": "<|eos|>", "is_trained": False}
    (first_byte,) = (token for token in range(codec.vocabulary) if codec.token_bytes(token) == b"\xf0")
    assert texts_of([first_byte], codec) == ["<0xF0>"]


def test_rows_that_are_wrong_are_named(tmp_path: Path, codec: Codec) -> None:
    path = file_of(tmp_path, [ASK, SAY], [ASK], [ASK, SAY, ASK], [{**ASK, "content": "word " * 500}, SAY])
    found = inspect_file(path, codec, 9, context=200)
    assert [(each.where, each.is_left_out) for each in found.problems] == [
        ("talks.jsonl:3", True),
        ("talks.jsonl:5", False),
        ("talks.jsonl:7", False),
    ]
    assert "never answered" in found.problems[1].reason
    assert "the model reads 200: it is learned in pieces" in found.problems[2].reason
    told = summary(found)
    assert (told["conversations"], told["left_out"], told["noted"], told["warning"]) == (3, 1, 2, "")


def test_a_set_that_teaches_nothing_is_refused(tmp_path: Path, codec: Codec) -> None:
    with pytest.raises(InputError, match="nothing to learn") as caught:
        refuse_unlearnable(inspect_file(file_of(tmp_path, [ASK]), codec, 1), "talks.jsonl")
    assert "talks.jsonl:1: the assistant says nothing" in caught.value.why
    plain = shards_of(
        tmp_path / "plain", [codec.bos, *codec.encode("Only text."), codec.eos], vocabulary=codec.vocabulary
    )
    with pytest.raises(InputError, match="nothing to learn") as caught:
        refuse_unlearnable(inspect_shards(plain, codec, 1), "plain")
    assert "tokens are masked" in caught.value.why


def test_a_set_that_never_ends_a_turn_is_refused(tmp_path: Path, codec: Codec) -> None:
    ids = np.array(render([ASK, SAY], codec).ids)
    endless = ids[: np.flatnonzero(ids == codec.end_of_turn)[-1]].tolist()
    found = inspect_shards(shards_of(tmp_path / "endless", endless, vocabulary=codec.vocabulary), codec, 1)
    assert found.totals.trained
    with pytest.raises(InputError, match="never ends a turn"):
        refuse_unlearnable(found, "endless")


def test_the_page_marks_what_is_trained_and_runs_nothing(tmp_path: Path, codec: Codec) -> None:
    hostile = {**ASK, "content": "<script>alert(1)</script>"}
    found = inspect_file(file_of(tmp_path, [hostile, SAY], [ASK]), codec, 2)
    made = page(found, "talks.jsonl", codec, "2026-01-01")
    assert made.count("<ins>") == 1
    assert "<script" not in made
    assert "the assistant says nothing in it" in made
    assert "http" not in made.replace("http-equiv", "")
    assert page(Inspection(), "none", codec, "2026-01-01")
