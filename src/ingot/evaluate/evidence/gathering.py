"""Documents and questions with answers become one set of documents to learn from and to be measured on.

A row is a document of its question and its answer. Rows of one group, say all about one illness, have that group for
their parent, so curation keeps them on one side of the split. What a row was is kept beside the documents.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.core.tables import SHARDS_FOLDER, parts, shard_name
from ingot.data.document import SCHEMA, Document, document_id, text_hash
from ingot.data.reading import DOCUMENTS
from ingot.data.rows import RowWriter
from ingot.evaluate.evidence.config import GatherConfig
from ingot.evaluate.rows import BadRowError, Fault, Row, read_rows
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

QUESTIONS_FILE, QUESTIONS = "questions.jsonl", "questions"
_SHOWN = 5


@dataclass(frozen=True)
class Question:
    """A row with a question and its answer, as the document `doc_id`; empty where a row has no group or label."""

    doc_id: str
    question: str
    answer: str
    group: str
    label: str


def gather(config: GatherConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Bring the `documents`, where there are some, and the rows of the source `questions` together.

    Raises InputError naming rows without a question or an answer, unless they are to be skipped.
    """
    shards = context.folder / SHARDS_FOLDER
    given = inputs.get(DOCUMENTS)
    copied = _copied(given.path, shards) if given else 0
    rows, faults = _questions(config, context)
    for fault in faults:
        context.emit("failure", uri=fault.place, reason=fault.reason)
    if faults and config.bad_rows == "refuse":
        raise _refused(faults)
    known: dict[str, Any] = dict(given.facts) if given else {"documents": 0, "bytes": 0, "files": 0, "failed": 0}
    size = _write(rows, shards / shard_name(copied)) if rows else 0
    lines = (json.dumps(asdict(question), ensure_ascii=False) + "\n" for _, question in rows)
    write_atomically(context.folder / QUESTIONS_FILE, "".join(lines))
    return {
        "documents": int(known["documents"]) + len(rows),
        "bytes": int(known["bytes"]) + size,
        "files": int(known["files"]) + len(context.sources.get(QUESTIONS, _NOTHING).items),
        "failed": int(known["failed"]) + len(faults),
        "questions": len(rows),
        "groups": len({question.group for _, question in rows if question.group}),
        "labels": sorted({question.label for _, question in rows if question.label}),
    }


@dataclass(frozen=True)
class _Nothing:
    items: tuple[()] = ()


_NOTHING = _Nothing()


def read_questions(folder: Path) -> Iterator[Question]:
    """Yield the questions of gathered documents."""
    with (folder / QUESTIONS_FILE).open(encoding="utf-8") as file:
        for line in file:
            yield Question(**json.loads(line))


def _copied(documents: Path, shards: Path) -> int:
    """Copy the shards of documents; return how many there are."""
    files = parts(documents, DOCUMENTS)
    for number, path in enumerate(files):
        place = shards / shard_name(number)
        place.mkdir(parents=True)
        shutil.copy(path, place / path.name)
    return len(files)


def _questions(config: GatherConfig, context: StepContext) -> tuple[list[tuple[Row, Question]], list[Fault]]:
    rows: list[tuple[Row, Question]] = []
    faults: list[Fault] = []
    for row in read_rows({QUESTIONS: context.sources[QUESTIONS]} if QUESTIONS in context.sources else {}):
        if isinstance(row, Fault):
            faults.append(row)
            continue
        try:
            rows.append((row, _question(row, config)))
        except BadRowError as error:
            faults.append(Fault(row.file, row.number, error.field, error.why))
    return rows, faults


def _question(row: Row, config: GatherConfig) -> Question:
    question, answer = row.text(config.question).strip(), row.text(config.answer).strip()
    group = str(row.value(config.group)).strip() if config.group else ""
    label = str(row.value(config.label)).strip() if config.label else ""
    text = f"{question}\n{answer}"
    doc_id = document_id(row.place, 0, len(text.encode()), text_hash(text))
    return Question(doc_id, question, answer, group, label)


def _write(rows: list[tuple[Row, Question]], place: Path) -> int:
    place.mkdir(parents=True)
    with RowWriter(place / f"{DOCUMENTS}.parquet", SCHEMA) as writer:
        for row, question in rows:
            text = f"{question.question}\n{question.answer}"
            group = text_hash(f"group {question.group.casefold()}") if question.group else None
            size = len(text.encode())
            made = Document(question.doc_id, group, row.place, text, 0, size, "text/plain", QUESTIONS)
            writer.write(made.as_row())
        return writer.text_bytes


def _refused(faults: list[Fault]) -> InputError:
    told = "; ".join(f"{each.place}: {each.reason}" for each in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return InputError(
        f"{len(faults)} {'row has' if len(faults) == 1 else 'rows have'} no question with its answer",
        where=told + more,
        why="what cannot be read cannot be measured",
        fix="name the columns with --question, --answer, --group and --label, or go on with the rest: --bad-rows skip",
    )
