"""Label documents of a dataset by hand: they come drawn by lot, and a file keeps what was said of each.

The file is JSON Lines, `{"doc_id": ..., "uri": ..., "label": "good"}` for each document, and what the step
`train_classifier` takes as a source. A label of null is a document that was skipped: it teaches nothing and is not
shown again. There is no text in the file, so a document that is erased leaves none in it. It is written whole after
every label, so that a session may end at any time, however it ends.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import write_atomically
from ingot.data.excerpts import excerpt
from ingot.data.explore import columns, rows
from ingot.data.reference_texts import by_hash

GOOD, BAD = "good", "bad"
_TABLES = ("train", "held_out")
_FETCHED = 64  # documents whose texts are read at once: more than a sitting
_FIX = "name another file, or take the line out"


@dataclass(frozen=True)
class Shown:
    """A document to label: its text is that of excerpts when it is long, as the classifier reads it too."""

    doc_id: str
    uri: str
    bytes: int
    text: str


class LabelFile:
    """The labels so far, those of earlier sessions included, and the file that holds them."""

    def __init__(self, path: Path) -> None:
        """Read the file, if there is one. Raises InputError when it holds anything but labels."""
        self.path = path
        self._records = _read(path)

    @property
    def seen(self) -> set[str]:
        """The documents that were labelled or skipped."""
        return {record["doc_id"] for record in self._records if "doc_id" in record}

    @property
    def counts(self) -> dict[str, int]:
        """How many documents are good, bad and skipped, and how many bear a word of somebody else's."""
        said = Counter("skipped" if record["label"] is None else str(record["label"]) for record in self._records)
        return {GOOD: 0, BAD: 0, "skipped": 0} | dict(said)

    @property
    def labels(self) -> int:
        """How many documents have a label."""
        return sum(record["label"] is not None for record in self._records)

    def add(self, shown: Shown, label: str | None) -> None:
        """Keep what was said of a document; None skips it."""
        self._write([*self._records, {"doc_id": shown.doc_id, "uri": shown.uri, "label": label}])

    def undo(self) -> str | None:
        """Take the last label or skip back and return the id of its document, or None when there is nothing."""
        if not self._records or "doc_id" not in self._records[-1]:
            return None
        doc_id: str = self._records[-1]["doc_id"]
        self._write(self._records[:-1])
        return doc_id

    def _write(self, records: Sequence[dict[str, Any]]) -> None:
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        try:
            write_atomically(self.path, "".join(lines))
        except FileNotFoundError:
            fix = "make the folder, or give another file with --out"
            raise UsageError(
                "the labels cannot be written", where=str(self.path), why="no such folder", fix=fix
            ) from None
        self._records = list(records)


class Labelling:
    """Hands out the documents of a dataset that were not labelled yet, in an order as good as drawn by lot."""

    def __init__(self, dataset: Path, labels: LabelFile, characters: int) -> None:
        """Long texts are shown as excerpts of so many characters. Raises InputError for a folder that is no dataset."""
        columns(dataset)
        self._dataset, self._labels, self._characters = dataset, labels, characters
        ids = [row["doc_id"] for row in rows(dataset, _TABLES, ("doc_id",))]
        seen = labels.seen
        self._known = frozenset(ids)
        self._waiting = deque(doc_id for doc_id in sorted(ids, key=by_hash) if doc_id not in seen)
        self._fetched: dict[str, Shown] = {}

    def current(self) -> Shown | None:
        """Return the document to look at, or None when all were."""
        if not self._waiting:
            return None
        if self._waiting[0] not in self._fetched:
            self._fetched = self._fetch(islice(self._waiting, _FETCHED))
        return self._fetched[self._waiting[0]]

    def say(self, label: str | None) -> None:
        """Label the current document, or skip it with None, and go on to the next."""
        shown = self.current()
        assert shown is not None, "there is a document to label"
        self._labels.add(shown, label)
        self._waiting.popleft()

    def undo(self) -> bool:
        """Take the last label back and make its document the current one; say whether there was one."""
        doc_id = self._labels.undo()
        if doc_id in self._known:  # or it was erased since, and only its label is gone
            self._waiting.appendleft(str(doc_id))
        return doc_id is not None

    def _fetch(self, doc_ids: Iterable[str]) -> dict[str, Shown]:
        wanted = set(doc_ids)
        found = (row for row in rows(self._dataset, _TABLES, ("doc_id", "uri", "text")) if row["doc_id"] in wanted)
        return {
            row["doc_id"]: Shown(
                row["doc_id"], row["uri"], len(row["text"].encode()), excerpt(row["text"], self._characters)
            )
            for row in found
        }


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the labels cannot be read", where=str(path), why=str(error), fix=_FIX) from None
    records = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            records.append(_record(line, f"{path}, line {number}"))
    return records


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError("this line is not JSON", where=where, why=str(error), fix=_FIX) from None
    if not isinstance(record, dict) or "label" not in record or not isinstance(record.get("doc_id", ""), str):
        raise InputError("this line is no label", where=where, fix=_FIX)
    return record
