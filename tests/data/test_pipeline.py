"""Curation: what is repeated goes, what is odd is marked, what is held out was never seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ingot.core.errors import InputError
from ingot.core.storage import sha256_file
from ingot.core.tables import count_rows, parts, read_rows
from ingot.data.batch import of_texts
from ingot.data.config import CurateConfig
from ingot.data.pipeline import MANIFEST_FILE, curate_documents
from ingot.data.rules import Rule
from ingot.flow.process_pool import ProcessPool
from ingot.flow.step import StepContext
from ingot.flow.tasks import NOTE_FILE, Facts, Task, Tasks
from tests.data.datasets import corpus, dataset, documents, ignore, words


def curate(
    folder: Path, texts: dict[str, str], config: CurateConfig | None = None, shards: int = 1, tasks: Tasks | None = None
) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """Curate the documents; return the facts and the rows of every table."""
    facts = dataset(folder / "dataset", texts, config, shards, tasks)
    return facts, {name: list(read_rows(parts(folder / "dataset", name))) for name in ("train", "held_out", "dropped")}


def test_every_document_is_somewhere_once(tmp_path: Path) -> None:
    texts = corpus() | {"900.txt": words(3), "901.txt": words(4) + " one more", "902.txt": "short", "903.txt": "short"}
    facts, rows = curate(tmp_path, texts)
    everywhere = [row["uri"] for part in rows.values() for row in part]
    assert sorted(everywhere) == sorted(texts)
    assert facts["documents_in"] == 64
    assert facts["documents_kept"] == 62
    assert facts["dropped_by_reason"] == {"exact duplicate": 2}
    assert facts["repeating_documents"] == 3
    assert facts["train_documents"] == len(rows["train"])
    assert facts["held_out_documents"] == len(rows["held_out"]) > 0
    for part in ("train", "held_out"):
        assert facts[f"{part}_bytes"] == sum(len(row["text"].encode()) for row in rows[part])
    assert facts["held_out_by"] == "document"


@pytest.mark.parametrize("drop_near", [False, True])
def test_repeats_name_the_one_they_repeat(tmp_path: Path, drop_near: bool) -> None:
    texts = corpus() | {"900.txt": words(3), "901.txt": words(4) + " one more"}
    _, rows = curate(tmp_path, texts, CurateConfig(drop_near_duplicates=drop_near), shards=3)
    everything = [row for part in rows.values() for row in part]
    ids = {row["doc_id"]: row["uri"] for row in everything}
    repeats = {row["uri"]: ids[row["duplicate_of"]] for row in everything if row["duplicate_of"]}
    assert repeats == {"900.txt": "003.txt", "901.txt": "004.txt"}
    reasons = {row["uri"]: row["reason"] for row in rows["dropped"]}
    near = {"901.txt": "near duplicate"} if drop_near else {}
    assert reasons == {"900.txt": "exact duplicate", **near}


def curate_emptied(folder: Path, empty: Sequence[int]) -> tuple[dict[str, Any], list[str]]:
    """Curate three shards, some without a row, as erasure and unreadable files leave them; name those made of them."""
    place = documents(folder / "documents", corpus(), shards=3)
    for number in empty:
        path = parts(place, "documents")[number]
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    context = StepContext(folder / "dataset", folder, 1, ignore)
    context.folder.mkdir()
    facts = curate_documents(place, CurateConfig(least_bytes=0), context)
    return facts, [path.parent.name for path in parts(context.folder, "train")]


def test_a_shard_without_a_document_is_no_hindrance(tmp_path: Path) -> None:
    facts, made = curate_emptied(tmp_path, [1])
    assert facts["documents_in"] == 40
    assert made == ["00000", "00002"]


def test_no_document_at_all_is_too_little_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only 0 bytes of text"):
        curate_emptied(tmp_path, [0, 1, 2])


def test_rules_drop_with_their_name(tmp_path: Path) -> None:
    config = CurateConfig(drop=(Rule("too symbolic", "symbol_share", above=0.5), Rule("tiny", "bytes", below=20)))
    facts, rows = curate(tmp_path, corpus() | {"odd.txt": "#" * 300, "tiny.txt": "a few words"}, config, shards=2)
    assert {row["uri"]: row["reason"] for row in rows["dropped"]} == {"odd.txt": "too symbolic", "tiny.txt": "tiny"}
    assert facts["dropped_by_reason"] == {"tiny": 1, "too symbolic": 1}


def test_nothing_held_out_resembles_anything_trained_on(tmp_path: Path) -> None:
    texts = {}
    for number in range(40):
        base = words(number).split()
        texts[f"{number:03}-a.txt"] = " ".join(base)
        # About a third of the shingles in common: no duplicate, yet not unseen either.
        texts[f"{number:03}-b.txt"] = " ".join(base[:115] + words(number + 5000).split()[:35])
    _, rows = curate(tmp_path, texts)
    sides = {name: of_texts(row["text"] for row in rows[name]).statistics.signatures for name in ("train", "held_out")}
    assert len(rows["dropped"]) < 10
    assert len(rows["held_out"]) >= 2
    for signature in sides["held_out"]:
        assert (sides["train"] == signature).mean(axis=1).max() < 0.5


def test_odd_documents_are_marked_and_kept(tmp_path: Path) -> None:
    facts, rows = curate(tmp_path, corpus() | {"odd.txt": "#" * 3000})
    (odd,) = (row for part in ("train", "held_out") for row in rows[part] if row["uri"] == "odd.txt")
    assert "mostly_symbols" in odd["flags"]
    assert odd["symbol_share"] == 1
    assert facts["flags"]["mostly_symbols"] == 1
    assert facts["thresholds"]["mostly_symbols"]["text"] < 1


def test_one_document_is_cut_and_says_so(tmp_path: Path) -> None:
    text = "\n\n".join(words(number, 40) for number in range(50))
    facts, rows = curate(tmp_path, {"only.txt": text})
    (train,), (held_out,) = rows["train"], rows["held_out"]
    assert train["text"] + held_out["text"] == text
    assert 0.05 < len(held_out["text"]) / len(text) < 0.2
    assert facts["held_out_by"] == "end of the longest document"
    assert train["parent_id"] == held_out["parent_id"] is not None
    assert train["doc_id"] != held_out["doc_id"]
    payload = text.encode()
    for row in (train, held_out):
        assert payload[row["byte_start"] : row["byte_end"]].decode() == row["text"]


@pytest.mark.parametrize("texts", [{"a.txt": "x" * 200}, {"a.txt": words(1), "b.txt": words(1)}])
def test_too_little_text_says_what_would_be_enough(tmp_path: Path, texts: dict[str, str]) -> None:
    with pytest.raises(InputError, match="only") as caught:
        curate(tmp_path, texts)
    assert "12,000 bytes" in caught.value.fix


def test_the_same_documents_make_the_same_bytes(tmp_path: Path) -> None:
    """Whoever does the work: one process, or several."""
    for place, tasks in (("one", Tasks()), ("two", Tasks(ProcessPool, 2))):
        curate(tmp_path / place, corpus(), shards=3, tasks=tasks)
    assert contents(tmp_path / "one" / "dataset") == contents(tmp_path / "two" / "dataset")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != NOTE_FILE  # a note has the paths of the request
    }


def test_an_interrupted_run_goes_on_with_the_same_bytes(tmp_path: Path) -> None:
    curate(tmp_path / "whole", corpus(), shards=4)

    class Cut(Exception):
        """Stands for the kill: the tasks after it never run."""

    class CutShort(Tasks):
        def __init__(self, after: int) -> None:
            super().__init__()
            self.left = after

        def run(self, reference: str, tasks: Sequence[Task], out: Path, unit: str = "bytes") -> list[Facts]:
            taken = tasks[: self.left]
            self.left -= len(taken)
            facts = super().run(reference, taken, out, unit)
            if len(taken) < len(tasks):
                raise Cut
            return facts

    for after in (1, 3, 5, 7):
        with pytest.raises(Cut):
            curate(tmp_path / "cut", corpus(), shards=4, tasks=CutShort(after))
    curate(tmp_path / "cut", corpus(), shards=4)
    assert contents(tmp_path / "whole" / "dataset") == contents(tmp_path / "cut" / "dataset")


def test_a_dataset_that_was_whole_when_the_run_was_killed_is_not_made_again(tmp_path: Path) -> None:
    """The kill comes after the unfinished pieces were cleared away and before the artifact has its record."""

    class Refuse(Tasks):
        def run(self, reference: str, tasks: Sequence[Task], out: Path, unit: str = "bytes") -> list[Facts]:
            raise AssertionError(f"{reference} is done again")

    facts, _ = curate(tmp_path, corpus(), shards=2)
    before = contents(tmp_path / "dataset")
    again, _ = curate(tmp_path, corpus(), shards=2, tasks=Refuse())
    assert again == facts
    assert contents(tmp_path / "dataset") == before


def test_the_manifest_describes_every_file(tmp_path: Path) -> None:
    curate(tmp_path, corpus(), shards=2)
    manifest = json.loads((tmp_path / "dataset" / MANIFEST_FILE).read_text())
    assert len(manifest["files"]) == 6
    for name, file in manifest["files"].items():
        path = tmp_path / "dataset" / name
        assert (sha256_file(path), path.stat().st_size, count_rows(path)) == (
            file["sha256"],
            file["bytes"],
            file["rows"],
        )
    assert sorted(path.name for path in (tmp_path / "dataset").iterdir()) == [MANIFEST_FILE, "shards"]


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []

    def emit(kind: str, /, **fields: Any) -> None:
        heard.append({"kind": kind, **fields})

    out = tmp_path / "dataset"
    out.mkdir()
    context = StepContext(out, tmp_path, 1, emit, tasks=Tasks(emit=emit))
    curate_documents(documents(tmp_path / "documents", corpus()), CurateConfig(), context)
    assert {"kind": "progress", "done": 60, "total": 60, "unit": "documents"} in heard
