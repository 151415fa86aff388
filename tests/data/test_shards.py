"""Shards against a slow, obvious reading of the same documents, and the way back from a token to its document."""

from __future__ import annotations

import ast
import json
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError
from ingot.data.shards import Shards, tokenize
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

TEXT = Path(ast.__file__).read_text(encoding="utf-8")
TRAIN = ["first <|eos|> one", "", "zweites 🎉\r\n", TEXT, *(f"document {number}. " * number for number in range(1, 40))]
HELD_OUT = ["never seen", "nor this"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write(learn([TEXT], 512), folder)
    return folder


def dataset(folder: Path, train: list[str] = TRAIN, held_out: list[str] = HELD_OUT) -> Path:
    folder.mkdir()
    for split, texts in (("train", train), ("held_out", held_out)):
        ids = pa.array([f"{split}-{number}" for number in range(len(texts))], pa.string())
        pq.write_table(pa.table({"doc_id": ids, "text": pa.array(texts, pa.string())}), folder / f"{split}.parquet")
    return folder


def make(dataset_folder: Path, tokenizer: Path, out: Path, limit: int = 0, **options: int) -> dict[str, Any]:
    out.mkdir()
    return tokenize(dataset_folder, tokenizer, out, limit, lambda kind, /, **fields: None, 2, **options)


def test_a_document_is_framed_and_nothing_stands_between_two(tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset(tmp_path / "in"), tokenizer, tmp_path / "out")
    codec = Codec.load(tokenizer)
    for split, texts in (("train", TRAIN), ("held_out", HELD_OUT)):
        framed = [[codec.bos, *codec.encode(text), codec.eos] for text in texts]
        shards = Shards.open(tmp_path / "out", split)
        assert shards.tokens.tolist() == list(chain.from_iterable(framed))
        assert shards.tokens.dtype == np.dtype("<u2")
        assert shards.starts.tolist() == np.cumsum([0, *map(len, framed)])[:-1].tolist()
        assert shards.doc_ids == [f"{split}-{number}" for number in range(len(texts))]
        assert facts[f"{split}_tokens"] == len(shards.tokens)
        assert facts[f"{split}_documents"] == len(texts)
        assert facts[f"{split}_bytes"] == sum(len(text.encode()) for text in texts)
        assert facts[f"{split}_fraction"] == 1.0
    json.dumps(facts)


def test_the_list_of_documents_has_their_place_and_size(tokenizer: Path, tmp_path: Path) -> None:
    make(dataset(tmp_path / "in"), tokenizer, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out/train.documents.parquet").to_pylist()
    assert [row["bytes"] for row in rows] == [len(text.encode()) for text in TRAIN]
    ends = [row["token_start"] + row["tokens"] for row in rows]
    assert [row["token_start"] for row in rows] == [0, *ends[:-1]]
    assert ends[-1] == len(Shards.open(tmp_path / "out", "train").tokens)


def test_a_token_leads_back_to_its_document(tokenizer: Path, tmp_path: Path) -> None:
    make(dataset(tmp_path / "in"), tokenizer, tmp_path / "out")
    shards = Shards.open(tmp_path / "out", "train")
    owner = np.repeat(np.arange(len(shards.starts)), np.diff([*shards.starts, len(shards.tokens)]))
    assert shards.document_numbers(np.arange(len(shards.tokens))).tolist() == owner.tolist()
    last = int(shards.starts[3])
    assert shards.documents_of(0, last) == [f"train-{number}" for number in range(4)]
    assert shards.documents_of(last, last) == ["train-3"]
    assert shards.documents_of(last - 1, last - 1) == ["train-2"]


def test_unused_tokens_are_counted_over_both_splits(tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset(tmp_path / "in"), tokenizer, tmp_path / "out")
    seen = {token for split in ("train", "held_out") for token in Shards.open(tmp_path / "out", split).tokens.tolist()}
    assert facts["unused_tokens"] == Codec.load(tokenizer).vocabulary - len(seen)


def test_a_limit_takes_whole_documents_in_the_order_of_a_hash(tokenizer: Path, tmp_path: Path) -> None:
    texts = [f"record {number}: " + "all work and no play. " * (number % 7 + 1) for number in range(600)]
    source = dataset(tmp_path / "in", texts, texts[:300])
    everything = make(source, tokenizer, tmp_path / "all")
    facts = make(source, tokenizer, tmp_path / "some", 5000, held_out_limit=2000)
    assert facts["train_tokens"] == pytest.approx(5000, rel=0.1)
    assert facts["held_out_tokens"] == pytest.approx(2000, rel=0.1)
    assert facts["train_fraction"] == pytest.approx(facts["train_bytes"] / everything["train_bytes"], abs=1e-6)
    assert facts["held_out_fraction"] < 1
    chosen = Shards.open(tmp_path / "some", "train").doc_ids
    assert chosen == sorted(chosen, key=lambda name: int(name.removeprefix("train-")))  # still in the order of the file
    numbers = [int(name.removeprefix("train-")) for name in chosen]
    assert min(numbers) < 100 < 500 < max(numbers)
    more = make(source, tokenizer, tmp_path / "more", 8000)
    assert set(chosen) < set(Shards.open(tmp_path / "more", "train").doc_ids)
    assert more["train_tokens"] > facts["train_tokens"]


def test_the_same_inputs_give_the_same_files(tokenizer: Path, tmp_path: Path) -> None:
    source = dataset(tmp_path / "in")
    for out in ("first", "second"):
        make(source, tokenizer, tmp_path / out, 4000)
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == [
        "held_out.bin", "held_out.documents.parquet", "shards.json", "train.bin", "train.documents.parquet"
    ]  # fmt: skip
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_split_without_documents_can_be_opened(tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset(tmp_path / "in", held_out=[]), tokenizer, tmp_path / "out", 100)
    assert (facts["held_out_tokens"], facts["held_out_fraction"]) == (0, 1.0)
    shards = Shards.open(tmp_path / "out", "held_out")
    assert (len(shards.tokens), len(shards.starts), shards.doc_ids) == (0, 0, [])


def test_a_document_larger_than_the_limit_is_taken_whole(tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset(tmp_path / "in", [TEXT]), tokenizer, tmp_path / "out", 10)
    assert facts["train_documents"] == 1
    assert facts["train_bytes"] == len(TEXT.encode())


def test_ids_above_sixteen_bits_take_thirty_two(tmp_path: Path) -> None:
    big = learn(["a b"], 320)
    big.add_special_tokens([f"<|filler_{number}|>" for number in range(1 << 16)])
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    write(big, folder)
    facts = make(dataset(tmp_path / "in", ["a b"], []), folder, tmp_path / "out")
    shards = Shards.open(tmp_path / "out", "train")
    assert (facts["dtype"], shards.tokens.dtype) == ("uint32", np.dtype("<u4"))
    assert shards.tokens.tolist() == [0, *Codec.load(folder).encode("a b"), 1]


@pytest.mark.parametrize("damage", ["cut", "missing", "no description"])
def test_damaged_shards_are_found_when_they_are_opened(tokenizer: Path, tmp_path: Path, damage: str) -> None:
    make(dataset(tmp_path / "in"), tokenizer, tmp_path / "out")
    tokens, description = tmp_path / "out/train.bin", tmp_path / "out/shards.json"
    if damage == "cut":
        tokens.write_bytes(tokens.read_bytes()[:-2])
    else:
        (tokens if damage == "missing" else description).unlink()
    with pytest.raises(InputError, match="not whole") as caught:
        Shards.open(tmp_path / "out", "train")
    assert "train.bin" in caught.value.where
