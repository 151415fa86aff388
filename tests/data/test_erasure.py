"""Erasure: the text is gone from every file, the rest is as it was, and what learned from it is named."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.core.tables import parts, read_rows
from ingot.data.erasure import erase
from ingot.data.explain import explain
from ingot.data.shards import Shards
from ingot.data.tombstones import tombstones
from ingot.flow.home import Home, damaged_files
from ingot.flow.runner import run
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
