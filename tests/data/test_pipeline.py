"""Curation: what is repeated goes, what is odd is marked, what is held out was never seen."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.data.config import CurateConfig
from ingot.data.document import SCHEMA, Piece, as_documents
from ingot.data.pipeline import curate_documents
from ingot.data.rows import RowWriter, read_rows
from ingot.data.similarity import sketch
from ingot.flow.source import SourceItem

VOCABULARY = [f"term{number}" for number in range(2000)]


def words(seed: int, count: int = 150) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=count)) + "\n"


def ignore(kind: str, /, **fields: Any) -> None:
    """Take no notice of events."""


def documents(folder: Path, texts: dict[str, str], parser: str = "text") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with RowWriter(folder / "documents.parquet", SCHEMA) as writer:
        for uri, text in sorted(texts.items()):
            item = SourceItem(uri, uri, len(text.encode()), "0" * 64, 0.0)
            (document,) = as_documents(iter([Piece(text, 0, item.bytes)]), item, media_type="text/plain", parser=parser)
            writer.write(document.as_row())
    return folder / "documents.parquet"


def curate(folder: Path, texts: dict[str, str]) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    facts = curate_documents(documents(folder, texts), CurateConfig(), folder, ignore)
    return facts, {name: list(read_rows(folder / f"{name}.parquet")) for name in ("train", "held_out", "dropped")}


def corpus(count: int = 60) -> dict[str, str]:
    return {f"{number:03}.txt": words(number) for number in range(count)}


def test_every_document_is_somewhere_once(tmp_path: Path) -> None:
    texts = corpus() | {"900.txt": words(3), "901.txt": words(4) + " one more", "902.txt": "short", "903.txt": "short"}
    facts, rows = curate(tmp_path, texts)
    everywhere = [row["uri"] for part in rows.values() for row in part]
    assert sorted(everywhere) == sorted(texts)
    assert facts["documents_in"] == 64
    assert facts["documents_kept"] == 61
    assert facts["dropped_by_reason"] == {"exact duplicate": 2, "near duplicate": 1}
    assert facts["train_documents"] == len(rows["train"])
    assert facts["held_out_documents"] == len(rows["held_out"]) > 0
    for part in ("train", "held_out"):
        assert facts[f"{part}_bytes"] == sum(len(row["text"].encode()) for row in rows[part])
    assert facts["held_out_by"] == "document"


def test_the_dropped_name_the_one_that_stays(tmp_path: Path) -> None:
    _, rows = curate(tmp_path, corpus() | {"900.txt": words(3), "901.txt": words(4) + " one more"})
    ids = {row["doc_id"]: row["uri"] for part in ("train", "held_out") for row in rows[part]}
    found = {row["uri"]: (row["reason"], ids[row["duplicate_of"]]) for row in rows["dropped"]}
    assert found == {"900.txt": ("exact duplicate", "003.txt"), "901.txt": ("near duplicate", "004.txt")}


def test_nothing_held_out_resembles_anything_trained_on(tmp_path: Path) -> None:
    texts = {}
    for number in range(40):
        base = words(number).split()
        texts[f"{number:03}-a.txt"] = " ".join(base)
        # About a third of the shingles in common: no duplicate, yet not unseen either.
        texts[f"{number:03}-b.txt"] = " ".join(base[:115] + words(number + 5000).split()[:35])
    _, rows = curate(tmp_path, texts)
    sides = {name: sketch([row["text"] for row in rows[name]], 42).signatures for name in ("train", "held_out")}
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
    for place in ("one", "two"):
        curate(tmp_path / place, corpus())
    for name in ("train", "held_out", "dropped"):
        paths = [tmp_path / place / f"{name}.parquet" for place in ("one", "two")]
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    path = documents(tmp_path, corpus())
    curate_documents(path, CurateConfig(), tmp_path, lambda kind, /, **fields: heard.append({"kind": kind, **fields}))
    assert {"kind": "progress", "done": 60, "total": 60, "unit": "documents"} in heard
