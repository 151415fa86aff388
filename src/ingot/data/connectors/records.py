"""Rows of JSON Lines, CSV and Parquet files, each a document with a key, a version and terms of its own.

(The folder connector reads such files too, as they are. This one is for tables whose rows are documents: it knows by
its key which row changed or is gone, and takes owner, licence and access lists from columns.)
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.containers import list_containers, refused, with_body
from ingot.data.decoding import SAMPLE_BYTES, detect
from ingot.data.local_files import LEFT_BEHIND, find_files
from ingot.data.rights import Rights
from ingot.data.row_text import check_columns, modified_seconds, row_terms, row_text, row_uri
from ingot.flow.source import Snapshot, SourceItem

_ENDINGS = ("jsonl", "ndjson", "csv", "tsv", "parquet")
_MOST_CELL = 8 << 20
_BATCH_ROWS = 1024


@dataclass(frozen=True)
class Config:
    """Which files to read and what their columns mean.

    `text` is the column with the text, or `template` makes it of several ("# {title}\\n\\n{body}"); without either a
    row becomes `name: value` lines. `id` is the column that names a row; without it the row's number does, and then
    a row put in the middle renames all after it. `columns` maps owner, licence, access, retention and region to the
    columns that hold them. `delimiter` is for CSV; empty means the commonest of , ; | and tab in the first line.
    """

    paths: tuple[str, ...]
    text: str = ""
    template: str = ""
    id: str = ""
    version: str = ""
    modified: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = ""
    exclude: tuple[str, ...] = LEFT_BEHIND
    rights: Rights = field(default_factory=Rights)

    def options(self) -> dict[str, Any]:
        """Return what decides how a file is read."""
        template = self.template or (f"{{{self.text}}}" if self.text else "")
        named = {"id": self.id, "version": self.version, "modified": self.modified}
        return {"template": template, "columns": dict(self.columns), "delimiter": self.delimiter, **named}


class Connector:
    """Reads the rows of `config.paths`. `cache` holds their texts and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        place = [[os.path.abspath(os.path.expanduser(path)) for path in config.paths], config.exclude]
        self._state = SourceState(cache, "records", place)

    def snapshot(self) -> Snapshot:
        """List every row; files that did not change are not opened."""
        found = find_files(self._config.paths, self._config.exclude)
        files = [file for file in found if file.uri.rpartition(".")[2].lower() in _ENDINGS]
        with self._state as state:
            items, skipped = list_containers(state, files, f"{__name__}:{rows.__name__}", self._config.options())
            return state.finish(items, skipped, self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the text of a row."""
        return open_copy(item)


def rows(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file as items; runs in the sandbox."""
    written = os.fstat(stream.fileno()).st_mtime
    for number, row in enumerate(_READERS[task["uri"].rpartition(".")[2].lower()](task, stream), start=1):
        try:
            uri = row_uri(task["uri"], row.get(task["id"]) if task["id"] else number)
        except InputError as error:
            yield refused(f"{task['uri']}/row {number}", error.what)
            continue
        text = row_text(row, task["template"])
        if not text.strip():
            yield refused(uri, "its text is empty")
            continue
        version = row.get(task["version"]) if task["version"] else None
        modified = modified_seconds(row.get(task["modified"])) if task["modified"] else written
        described = {"version": None if version is None else str(version), **row_terms(row, task["columns"])}
        content = text.encode("utf-8", "replace")
        yield from with_body(uri, [content], modified, media_type="text/plain", **described)


def _json_lines(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(f"line {number} is not JSON", why=str(error), fix="correct it") from None
        except RecursionError:
            why = "its values lie too deep in one another"
            raise InputError(f"line {number} cannot be read", why=why, fix="correct it") from None
        if not isinstance(row, dict):
            raise InputError(f"line {number} is not an object", fix="write one object with named fields per line")
        yield row


def _delimited(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    sample = stream.read(SAMPLE_BYTES)
    encoding = detect(sample, is_whole=len(sample) < SAMPLE_BYTES)
    stream.seek(encoding.mark_bytes)
    first = sample[encoding.mark_bytes :].decode(encoding.name, errors="replace").partition("\n")[0]
    delimiter = task["delimiter"] or max(",;\t|", key=first.count)
    csv.field_size_limit(_MOST_CELL)
    text = io.TextIOWrapper(stream, encoding=encoding.name, errors="replace", newline="")
    reader = csv.DictReader(text, delimiter=delimiter, restkey="more columns")
    check_columns(*_wanted(task), list(reader.fieldnames or ()), task["uri"])
    yield from reader


def _parquet(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq  # half a second that the other formats do not need

    table = pq.ParquetFile(stream)
    check_columns(*_wanted(task), list(table.schema_arrow.names), task["uri"])
    for batch in table.iter_batches(batch_size=_BATCH_ROWS, use_threads=False):
        yield from batch.to_pylist()


def _wanted(task: Mapping[str, Any]) -> tuple[Mapping[str, str], str]:
    named = "".join(f"{{{task[name]}}}" for name in ("id", "version", "modified") if task[name])
    return task["columns"], task["template"] + named


_READERS = {
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "csv": _delimited,
    "tsv": _delimited,
    "parquet": _parquet,
}
