"""Erasure: the text is gone from every file, the rest is as it was, and what learned from it is named."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ingot.core.errors import BusyError, InputError
from ingot.core.tables import parts, read_rows
from ingot.data.config import ReadConfig
from ingot.data.connectors import records
from ingot.data.erasure import erase
from ingot.data.explain import explain
from ingot.data.shards import Shards
from ingot.data.tombstones import tombstones
from ingot.flow.home import Home, damaged_files
from ingot.flow.planning import take_snapshot
from ingot.flow.runner import run
from ingot.flow.source import Source
from ingot.flow.step import Step
from tests.data.datasets import recipe

SECRET = "Zweitausendzwölf Ananaskuchen"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with documents, a dataset, a tokenizer and shards."""
    folder = tmp_path_factory.mktemp("erasure")
    docs = folder / "docs"
    docs.mkdir()
    for number in range(40):
        words = random.Random(number).choices([f"word{n}" for n in range(500)], k=120)
        (docs / f"{number:02}.txt").write_text(" ".join(words) + "\n", encoding="utf-8")
    (docs / "secret.txt").write_text(f"{SECRET}\n" * 200, encoding="utf-8")
    run(recipe(docs), Home(folder / "home"))
    return folder / "home"


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Home:
    return Home(shutil.copytree(made, tmp_path / "home"))


def uris(home: Home) -> set[str]:
    return {
        row["uri"]
        for name, tables in (("x-documents", ("documents",)), ("x-dataset", ("train", "held_out", "dropped")))
        for table in tables
        for row in read_rows(parts(home.get(name).path, table), ("uri",))
    }


def token_documents(home: Home) -> set[str]:
    found: set[str] = set()
    for split in ("train", "held_out"):
        shards = Shards.open(home.get("x-shards").path, split)
        for shard in (shards[number] for number in range(len(shards))):
            found.update(shard.doc_ids(0, shard.document_count))
    return found


def test_an_erased_document_is_nowhere(home: Home) -> None:
    (row,) = [row for row in read_rows(parts(home.get("x-documents").path, "documents")) if row["uri"] == "secret.txt"]
    before = token_documents(home)
    assert row["doc_id"] in before
    found = erase(home, "secret.txt", "2026-01-02", "asked for by its author")
    assert found.doc_ids == [row["doc_id"]]
    assert set(found.rewritten) == {"x-documents@1", "x-dataset@1", "x-shards@1"}
    assert found.learned_from_it == ["x-tokenizer@1"]
    assert "secret.txt" not in uris(home)
    assert len(uris(home)) == 40
    assert token_documents(home) == before - {row["doc_id"]}
    for artifact in home.all():
        assert damaged_files(artifact) == []
    (stone,) = tombstones(home.get("x-dataset").path)
    assert (stone.doc_id, stone.day, stone.reason) == (row["doc_id"], "2026-01-02", "asked for by its author")


def test_erasing_twice_changes_nothing_and_can_end_what_was_begun(home: Home) -> None:
    first = erase(home, "secret.txt", "2026-01-02", "")
    kept = {path: path.read_bytes() for path in home.artifacts_path.rglob("*") if path.is_file()}
    again = erase(home, first.doc_ids[0], "2026-01-03", "")
    assert again.rewritten == {reference: [] for reference in first.rewritten}
    assert kept == {path: path.read_bytes() for path in home.artifacts_path.rglob("*") if path.is_file()}


def test_what_is_nowhere_cannot_be_erased(home: Home) -> None:
    with pytest.raises(InputError, match="no artifact here holds"):
        erase(home, "nothing.txt", "2026-01-02", "")


def test_an_erased_document_is_explained_by_its_tombstone(home: Home) -> None:
    dataset = home.get("x-dataset").path
    (doc_id,) = [
        row["doc_id"] for row in read_rows(parts(dataset, "train"), ["doc_id", "uri"]) if "secret" in row["uri"]
    ]
    erase(home, doc_id, "2026-02-03", "she asked")
    with pytest.raises(InputError, match="erased on 2026-02-03") as caught:
        explain(dataset, doc_id)
    assert caught.value.why == "she asked"


def rows_recipe(file: Path, kind: str = "Documents") -> Step:
    """Return the step that reads the rows of a file, whose texts are copied into the cache."""
    source = Source("records", records.Config((str(file),), id="id"))
    return Step("rows", "y-rows", kind, "ingot.data.run:read", ReadConfig(), sources={"rows": source})


@pytest.fixture
def with_rows(tmp_path: Path) -> tuple[Home, Step]:
    """A home with the documents of a file of rows."""
    file = tmp_path / "rows.jsonl"
    texts = [f"number {number} of many rows" for number in range(30)] + [SECRET]
    file.write_text("".join(json.dumps({"id": at, "text": text}) + "\n" for at, text in enumerate(texts)))
    home, step = Home(tmp_path / "home"), rows_recipe(file, kind="Sausage")
    run([step], home)
    return home, step


def holding(home: Home) -> list[str]:
    """Return the files of a home in which the secret can be read, tables unpacked."""
    found = []
    for path in home.path.rglob("*"):
        if path.suffix == ".parquet":
            is_there = SECRET in str(pq.read_table(path).to_pylist())
        else:
            is_there = path.is_file() and SECRET.encode() in path.read_bytes()
        if is_there:
            found.append(path.relative_to(home.path).as_posix())
    return found


def test_the_copies_of_a_source_are_erased_too(with_rows: tuple[Home, Step]) -> None:
    home, step = with_rows
    assert any(name.startswith("cache/") for name in holding(home))
    erase(home, "rows.jsonl/30", "2026-11-20", "asked to")
    assert holding(home) == []
    # It is still at its source: the next snapshot takes it from there, as the help says.
    found = take_snapshot(step.sources["rows"], home)
    assert len(found.items) == 31
    assert found.vanished == ()


def test_a_table_is_searched_whatever_its_kind_is_called(with_rows: tuple[Home, Step]) -> None:
    home, _ = with_rows
    erased = erase(home, "rows.jsonl/30", "2026-11-20", "asked to")
    assert list(erased.rewritten) == ["y-rows@1"]


def unfinished(home: Home) -> Path:
    """Leave the work folder of a step that was killed: annotations of all documents and half a table."""
    folder = home.work_path / f"z-dataset.{'0' * 32}"
    pieces = folder / "unfinished/annotations/shards/00000"
    pieces.mkdir(parents=True)
    (table,) = parts(home.get("x-documents").path, "documents")
    shutil.copy(table, pieces / "annotations.parquet")
    torn = folder / "shards/.00000.f00.tmp"
    torn.mkdir(parents=True)
    (torn / "train.parquet").write_bytes(table.read_bytes()[:-200])
    return folder


def test_unfinished_work_that_holds_the_document_is_removed(home: Home) -> None:
    """Its other pieces would no longer fit the documents: a resumed step would mix up whose annotations are whose."""
    folder = unfinished(home)
    erase(home, "00.txt", "2026-11-20", "")
    assert not folder.exists()


def test_unfinished_work_that_never_held_it_stays(home: Home) -> None:
    erase(home, "secret.txt", "2026-11-20", "")
    folder = unfinished(home)
    (stone,) = tombstones(home.get("x-documents").path)
    erase(home, stone.doc_id, "2026-11-20", "")
    assert [path.name for path in folder.rglob("*.parquet")] == ["annotations.parquet"]


def test_nothing_is_erased_while_a_build_reads(home: Home) -> None:
    unfinished(home)
    with home.lock("z-dataset"), pytest.raises(BusyError, match="a build is making 'z-dataset'"):
        erase(home, "secret.txt", "2026-11-20", "")
    assert "secret.txt" in uris(home)


def test_repeats_of_what_was_erased_are_named(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(24):
        words = random.Random(number).choices([f"word{n}" for n in range(500)], k=120)
        (docs / f"{number:02}.txt").write_text(" ".join(words) + "\n", encoding="utf-8")
    shutil.copy(docs / "03.txt", docs / "copy-of-03.txt")
    shutil.copy(docs / "03.txt", docs / "another-copy.txt")
    home = Home(tmp_path / "home")
    run(recipe(docs), home)
    found = erase(home, "03.txt", "2026-02-03", "")
    assert list(found.repeats) == ["another-copy.txt", "copy-of-03.txt"]
    assert list(erase(home, "05.txt", "2026-02-03", "").repeats) == []
