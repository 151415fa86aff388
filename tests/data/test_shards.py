"""Shards against a slow, obvious reading of the same documents, and the way back from a token to its document."""

from __future__ import annotations

import ast
import json
import shutil
import threading
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError
from ingot.data.shards import Shards, tokenize
from ingot.flow.tasks import NOTE_FILE, Tasks
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


def dataset(folder: Path, train: list[str] = TRAIN, held_out: list[str] = HELD_OUT, row_group_size: int = 64) -> Path:
    """Write a dataset of one piece."""
    (folder / "shards/00000").mkdir(parents=True)
    for split, texts in (("train", train), ("held_out", held_out)):
        ids = pa.array([f"{split}-{number}" for number in range(len(texts))], pa.string())
        table = pa.table({"doc_id": ids, "text": pa.array(texts, pa.string())})
        pq.write_table(table, folder / f"shards/00000/{split}.parquet", row_group_size=row_group_size)
    return folder


def make(dataset_folder: Path, tokenizer: Path, out: Path, limit: int = 0, **options: Any) -> dict[str, Any]:
    out.mkdir(exist_ok=True)
    return tokenize(dataset_folder, tokenizer, out, limit, silent, 2, **options)


def silent(kind: str, /, **fields: Any) -> None:
    """Report to nobody."""


def tokens_of(shards: Shards) -> list[list[int]]:
    return [ids.tolist() for ids in shards.in_documents()]


def doc_ids_of(shards: Shards) -> list[str]:
    opened = (shards[number] for number in range(len(shards)))
    return [doc_id for shard in opened for doc_id in shard.doc_ids(0, shard.document_count)]


def test_a_document_is_framed_and_nothing_stands_between_two(tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset(tmp_path / "in"), tokenizer, tmp_path / "out")
    codec = Codec.load(tokenizer)
    for split, texts in (("train", TRAIN), ("held_out", HELD_OUT)):
        framed = [[codec.bos, *codec.encode(text), codec.eos] for text in texts]
        shards = Shards.open(tmp_path / "out", split)
        assert tokens_of(shards) == framed
        assert shards[0].tokens.tolist() == list(chain.from_iterable(framed))
        assert doc_ids_of(shards) == [f"{split}-{number}" for number in range(len(texts))]
        assert facts[f"{split}_tokens"] == shards.token_count == sum(map(len, framed))
        assert facts[f"{split}_documents"] == shards.document_count == len(texts)
        assert facts[f"{split}_bytes"] == sum(len(text.encode()) for text in texts)
        assert (facts[f"{split}_fraction"], facts[f"{split}_shards"]) == (1.0, 1)
        shards.verify()
    json.dumps(facts)


def test_the_list_of_documents_has_their_ids_and_sizes(tokenizer: Path, tmp_path: Path) -> None:
    make(dataset(tmp_path / "in"), tokenizer, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out/train/00000/documents.parquet").to_pylist()
    assert rows == [{"doc_id": f"train-{number}", "bytes": len(text.encode())} for number, text in enumerate(TRAIN)]


def test_several_shards_hold_what_one_holds(tokenizer: Path, tmp_path: Path) -> None:
    source = dataset(tmp_path / "in", row_group_size=4)
    facts = make(source, tokenizer, tmp_path / "one")
    several = make(source, tokenizer, tmp_path / "several", shard_bytes=len(TEXT) // 4)
    assert several["train_shards"] > 2
    assert {**several, "train_shards": 1} == facts
    one, parts = (Shards.open(tmp_path / name, "train") for name in ("one", "several"))
    assert sorted(zip(doc_ids_of(parts), tokens_of(parts), strict=True)) == sorted(
        zip(doc_ids_of(one), tokens_of(one), strict=True)
    )
    assert parts.planned == len(parts) == several["train_shards"]
    assert parts.is_whole


def test_unused_tokens_are_counted_over_all_shards_of_both_splits(tokenizer: Path, tmp_path: Path) -> None:
    source = dataset(tmp_path / "in", row_group_size=4)
    facts = make(source, tokenizer, tmp_path / "out", shard_bytes=len(TEXT) // 4)
    splits = [tokens_of(Shards.open(tmp_path / "out", split)) for split in ("train", "held_out")]
    seen = {token for ids in chain(*splits) for token in ids}
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
    chosen = doc_ids_of(Shards.open(tmp_path / "some", "train"))
    numbers = [int(name.removeprefix("train-")) for name in chosen]
    assert min(numbers) < 100 < 500 < max(numbers)
    more = make(source, tokenizer, tmp_path / "more", 8000)
    assert set(chosen) < set(doc_ids_of(Shards.open(tmp_path / "more", "train")))
    assert more["train_tokens"] > facts["train_tokens"]


def test_the_same_inputs_give_the_same_files_wherever_they_lie(tokenizer: Path, tmp_path: Path) -> None:
    source = dataset(tmp_path / "in", row_group_size=4)
    shutil.copytree(source, tmp_path / "moved")
    for out, read in (("first", source), ("second", tmp_path / "moved")):
        make(read, tokenizer, tmp_path / out, shard_bytes=len(TEXT) // 3)
    first, second = (files_of(tmp_path / out) for out in ("first", "second"))
    assert first == second
    assert "shards.json" in first
    assert {name.rpartition("/")[2] for name in first} == {
        "shards.json", "shard.json", "tokens.bin", "starts.bin", "documents.parquet"
    }  # fmt: skip


def files_of(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


class Stopped(Exception):
    """Stands for a kill."""


def test_an_interrupted_call_goes_on_where_it_stopped_and_ends_with_the_same_files(
    tokenizer: Path, tmp_path: Path
) -> None:
    source = dataset(tmp_path / "in", row_group_size=4)
    options: dict[str, Any] = {"shard_bytes": len(TEXT) // 4}
    facts = make(source, tokenizer, tmp_path / "unbroken", **options)

    def stop(kind: str, /, **fields: Any) -> None:
        if kind == "progress" and fields["done"] < fields["total"]:
            raise Stopped

    with pytest.raises(Stopped):
        make(source, tokenizer, tmp_path / "broken", tasks=Tasks(emit=stop), **options)
    (written,) = (tmp_path / "broken/train").iterdir()
    before = (written / "tokens.bin").stat().st_mtime_ns
    assert make(source, tokenizer, tmp_path / "broken", **options) == facts
    assert (written / "tokens.bin").stat().st_mtime_ns == before
    assert files_of(tmp_path / "broken") == files_of(tmp_path / "unbroken")
    # Stopped at the very end, when everything is there but the step is not recorded yet.
    assert make(source, tokenizer, tmp_path / "broken", **options) == facts
    assert (written / "tokens.bin").stat().st_mtime_ns == before
    assert not list((tmp_path / "broken").rglob(NOTE_FILE))


def test_a_split_without_documents_can_be_opened(tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset(tmp_path / "in", held_out=[]), tokenizer, tmp_path / "out", 100)
    assert (facts["held_out_tokens"], facts["held_out_fraction"], facts["held_out_shards"]) == (0, 1.0, 0)
    shards = Shards.open(tmp_path / "out", "held_out")
    assert (len(shards), shards.token_count, shards.is_whole, tokens_of(shards)) == (0, 0, True, [])


def test_a_document_larger_than_the_limit_is_taken_whole(tokenizer: Path, tmp_path: Path) -> None:
    facts = make(dataset(tmp_path / "in", [TEXT]), tokenizer, tmp_path / "out", 10, shard_bytes=1000)
    assert (facts["train_documents"], facts["train_shards"]) == (1, 1)
    assert facts["train_bytes"] == len(TEXT.encode())


def test_ids_above_sixteen_bits_take_thirty_two(tmp_path: Path) -> None:
    big = learn(["a b"], 320)
    big.add_special_tokens([f"<|filler_{number}|>" for number in range(1 << 16)])
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    write(big, folder)
    facts = make(dataset(tmp_path / "in", ["a b"], []), folder, tmp_path / "out")
    shards = Shards.open(tmp_path / "out", "train")
    assert (facts["dtype"], shards[0].dtype) == ("uint32", "<u4")
    assert tokens_of(shards) == [[0, *Codec.load(folder).encode("a b"), 1]]


@pytest.mark.parametrize("damage", ["cut", "missing", "no manifest"])
def test_damaged_shards_are_found_when_they_are_opened(tokenizer: Path, tmp_path: Path, damage: str) -> None:
    make(dataset(tmp_path / "in"), tokenizer, tmp_path / "out")
    tokens, manifest = tmp_path / "out/train/00000/tokens.bin", tmp_path / "out/shards.json"
    if damage == "cut":
        tokens.write_bytes(tokens.read_bytes()[:-2])
    else:
        (tokens if damage == "missing" else manifest).unlink()
    with pytest.raises(InputError, match="not whole"):
        Shards.open(tmp_path / "out", "train")


def test_shards_of_an_older_version_are_named_as_such(tmp_path: Path) -> None:
    old = {"format": 1, "dtype": "uint16", "vocabulary": 512, "bos": 0, "eos": 1, "tokens": {"train": 7, "held_out": 0}}
    (tmp_path / "shards.json").write_text(json.dumps(old))
    with pytest.raises(InputError, match="format 1") as caught:
        Shards.open(tmp_path, "train")
    assert "run the build again" in caught.value.fix


def test_a_split_can_be_opened_while_it_is_written(tokenizer: Path, tmp_path: Path) -> None:
    source, out = dataset(tmp_path / "in", row_group_size=4), tmp_path / "out"
    seen, go_on = threading.Event(), threading.Event()

    def wait(kind: str, /, **fields: Any) -> None:
        if kind == "progress" and len(list((out / "train").glob("0*"))) == 2:
            seen.set()
            go_on.wait(30)

    options = {"shard_bytes": len(TEXT) // 4, "tasks": Tasks(emit=wait)}
    writing = threading.Thread(target=make, args=(source, tokenizer, out), kwargs=options)
    writing.start()
    assert seen.wait(30)
    shards = Shards.open(out, "train", patience_seconds=30)
    shards.require(2)
    assert len(shards) == 2 < shards.planned
    assert not shards.is_whole
    with pytest.raises(InputError, match="not whole"):
        Shards.open(out, "train")
    hurried = Shards.open(out, "train", patience_seconds=0.01)
    with pytest.raises(InputError, match=f"shard 3 of {shards.planned} is not written"):
        hurried.require(3)
    go_on.set()
    shards.require(shards.planned)
    writing.join()
    assert tokens_of(shards) == tokens_of(Shards.open(out, "train"))
