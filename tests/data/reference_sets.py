"""Small artifacts to learn from: documents in a folder, and steps run on them as the runner would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingot.core.storage import sha256_file
from ingot.data.document import SCHEMA, Piece, as_documents
from ingot.data.rows import RowWriter
from ingot.flow.artifact import Artifact, Record
from ingot.flow.source import Snapshot, SourceItem
from ingot.flow.step import StepContext

VISIT = (
    "The patient was seen for {}. Blood pressure and heart rate were normal, and the doctor advised rest.",
    "Treatment of {} begins with a low dose; the physician checks the blood count every week.",
    "Symptoms such as {} may point to an infection, and a nurse should take the temperature twice a day.",
)
LEASE = (
    "The tenant shall pay rent for {} on the first working day of each month to the landlord's account.",
    "The landlord keeps {} in good repair; the tenant bears the cost of damage that is his fault.",
    "Notice to end the lease of {} must be given in writing three months before the end of a quarter.",
)
THINGS = (
    *("apples", "bridges", "candles", "doors", "engines", "fields", "gates"),
    *("houses", "islands", "jackets", "kettles", "lamps", "mirrors"),
)


def sentences(templates: Sequence[str], count: int) -> list[str]:
    """Return that many different texts of one kind."""
    rounds = range(-(-count // (len(templates) * len(THINGS))))
    made = [f"{template.format(thing)} ({number})" for number in rounds for thing in THINGS for template in templates]
    return made[:count]


def artifact(folder: Path, texts: Sequence[str], table: str = "documents") -> Artifact:
    """Write documents, named by their numbers, as an artifact's table."""
    shard = folder / "shards" / "00000"
    shard.mkdir(parents=True)
    with RowWriter(shard / f"{table}.parquet", SCHEMA) as writer:
        for number, text in enumerate(texts):
            item = SourceItem(f"{number:04}.txt", "", len(text.encode()), "0" * 64, 0.0)
            pieces = iter([Piece(text, 0, item.bytes)])
            (document,) = as_documents(pieces, item, media_type="text/plain", parser="text")
            writer.write({**document.as_row(), "doc_id": f"doc-{number:04}"})
    return in_folder(folder)


def in_folder(folder: Path) -> Artifact:
    """Return a folder as an artifact; only its path is of interest here."""
    empty: dict[str, Any] = {name: {} for name in Record.__dataclass_fields__}
    return Artifact(folder, Record(**{**empty, "name": folder.name, "version": 1}))


def context(folder: Path, sources: Mapping[str, Snapshot] | None = None) -> StepContext:
    """Return what a step that fills `folder` is given."""
    folder.mkdir(parents=True, exist_ok=True)
    return StepContext(folder, folder / "scratch", 1, lambda kind, /, **_: None, sources or {})


def file_source(path: Path) -> Snapshot:
    """Return a file as the snapshot of a folder would hold it."""
    item = SourceItem(path.name, str(path), path.stat().st_size, sha256_file(path), 0.0)
    return Snapshot("folder", (item,))
