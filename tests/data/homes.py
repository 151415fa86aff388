"""Homes that hold a dataset made by the real pipeline, with the documents it was made from, for tests of reports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingot.core.config import literals
from ingot.core.tables import shard_name
from ingot.data.config import CurateConfig
from ingot.data.document import SCHEMA, Piece, as_documents
from ingot.data.pipeline import curate_documents
from ingot.data.rows import RowWriter
from ingot.flow.artifact import Artifact, Record
from ingot.flow.home import Home
from ingot.flow.source import SourceItem
from ingot.flow.step import StepContext
from ingot.flow.tasks import Tasks
from tests.data.datasets import ignore

SOURCE = {"connector": "folder", "digest": "ab" * 32, "items": 1, "bytes": 1, "skipped": 0}


def home_of(
    path: Path,
    texts: Mapping[str, str],
    config: CurateConfig | None = None,
    *,
    terms: Mapping[str, Mapping[str, Any]] | None = None,
    failures: Sequence[Mapping[str, Any]] = (),
    source: Mapping[str, Any] | None = None,
    shards: int = 1,
) -> Home:
    """Return a home with acme-documents@1 and acme-dataset@1; `terms` are columns of documents by name."""
    home = Home(path)
    home.create()
    documents = _documents(home, texts, terms or {}, failures, source or {}, shards)
    folder = home.work_path / "dataset"
    folder.mkdir()
    facts = curate_documents(
        documents.path, config or CurateConfig(), StepContext(folder, path, 1, ignore, tasks=Tasks())
    )
    commit(home, "dataset", folder, facts, literals(config or CurateConfig()), {"documents": documents})
    return home


def commit(
    home: Home,
    part: str,
    folder: Path,
    facts: Mapping[str, Any],
    config: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Artifact] | None = None,
    sources: Mapping[str, Any] | None = None,
    finished: str = "2026-03-01T12:00:00+00:00",
) -> Artifact:
    """Make a folder the artifact acme-<part>@1."""
    given = inputs or {}
    record = Record(
        name=f"acme-{part}",
        version=1,
        kind=part.capitalize(),
        fingerprint=f"{part}-fingerprint",
        step=part,
        run=f"ingot.data.run:{part}",
        step_version=2,
        config=config or {},
        inputs={name: artifact.reference for name, artifact in given.items()},
        input_fingerprints={name: artifact.fingerprint for name, artifact in given.items()},
        decided_by={},
        sources=sources or {},
        facts=facts,
        files={},
        made_by={"user": "ada", "machine": "engine", "platform": "Linux"},
        code={"ingot": "0.1.0", "python": "3.11.7"},
        started=finished,
        finished=finished,
        seconds=1.0,
        joules=1.0,
        energy_method="estimated",
    )
    return home.commit(folder, record)


def _documents(
    home: Home,
    texts: Mapping[str, str],
    terms: Mapping[str, Mapping[str, Any]],
    failures: Sequence[Mapping[str, Any]],
    source: Mapping[str, Any],
    shards: int,
) -> Artifact:
    folder = home.work_path / "documents"
    rows = [row | terms.get(uri, {}) for uri, text in sorted(texts.items()) for row in _rows(uri, text)]
    size = -(-len(rows) // shards)
    for number in range(shards):
        shard = folder / "shards" / shard_name(number)
        shard.mkdir(parents=True)
        with RowWriter(shard / "documents.parquet", SCHEMA) as writer:
            for row in rows[number * size : (number + 1) * size]:
                writer.write(row)
    lines = (json.dumps({"parser": None, "fix": "", **failure}) + "\n" for failure in failures)
    (folder / "failures.jsonl").write_text("".join(lines), encoding="utf-8")
    facts = {
        "files": len(texts) + len(failures),
        "documents": len(rows),
        "failed": len(failures),
        "bytes": sum(len(row["text"].encode()) for row in rows),
        "failures_by_reason": {str(failure["reason"]): 1 for failure in failures},
    }
    return commit(home, "documents", folder, facts, {"owner": None}, sources={"papers": {**SOURCE, **source}})


def _rows(uri: str, text: str) -> list[dict[str, Any]]:
    item = SourceItem(uri, uri, len(text.encode()), uri, 0.0)
    pieces = iter([Piece(text, 0, item.bytes)])
    return [document.as_row() for document in as_documents(pieces, item, media_type="text/plain", parser="text")]
