"""Look into a dataset: find documents, search their texts, draw samples, compare two datasets.

Everything here reads the tables of a dataset as they lie and writes nothing. Rows carry `table`: train, held_out or
dropped.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import re2

from ingot.core.errors import InputError, UsageError
from ingot.core.tables import parts, read_batches, read_rows
from ingot.data.lookup import LEAST_PREFIX, look_up, nearest, whole_name

TABLES = ("train", "held_out", "dropped")
_AROUND = 60


@dataclass(frozen=True)
class Hit:
    """Where a search found something: the document, the text before it, the match, the text after it."""

    table: str
    doc_id: str
    uri: str
    before: str
    match: str
    after: str


@dataclass(frozen=True)
class Difference:
    """What is different in the second of two datasets, by the documents' places (URIs with their spans)."""

    added: Sequence[str]
    removed: Sequence[str]
    changed: Sequence[str]
    moved: Sequence[tuple[str, str, str]]  # place, table before, table after


def columns(dataset: Path) -> list[str]:
    """Return the names of all columns of a dataset. Raises InputError for a folder that is no dataset."""
    files = [path for table in TABLES for path in parts(dataset, table)[:1]]
    if not files:
        raise InputError("this is not a dataset", where=str(dataset), fix="name an artifact of kind Dataset")
    return list(dict.fromkeys(name for path in files for name in pq.read_schema(path).names))


def rows(dataset: Path, tables: Sequence[str] = TABLES, names: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of the tables, each with the name of its table."""
    for table in tables:
        for row in read_rows(parts(dataset, table), names):
            yield {"table": table, **row}


def find(dataset: Path, wanted: str) -> list[dict[str, Any]]:
    """Return the documents with this id, the beginning of it (8 characters or more), or this URI; their parts too.

    The end of a URI, in whole names, is enough where only one ends so. Raises InputError for none and for several.
    """
    files = {path: table for table in TABLES for path in parts(dataset, table)}
    found = _found(files, wanted)
    if not found and (name := whole_name(list(files), wanted)) != wanted:
        found = _found(files, name)
    if not found:
        raise InputError(
            f"there is no document {wanted!r} in this dataset",
            where=str(dataset),
            fix=nearest(list(files), wanted)
            or "give its id, its URI or the end of it; `ingot data search` finds documents",
        )
    return found


def _found(files: Mapping[Path, str], wanted: str) -> list[dict[str, Any]]:
    places = look_up(list(files), wanted, by_prefix=len(wanted) >= LEAST_PREFIX)
    return [{"table": files[each.path], **row} for each in places for row in each.table().to_pylist()]


def search(dataset: Path, pattern: str, tables: Sequence[str] = TABLES, *, is_regex: bool = False) -> Iterator[Hit]:
    """Yield the first match of each document, case ignored; a regular expression runs on RE2, in linear time."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        compiled = re2.compile(pattern if is_regex else re2.escape(pattern), options)
    except re2.error as error:
        raise UsageError(
            f"{pattern!r} is not a regular expression that can be searched for",
            why=_in_words(error),
            fix="write it in RE2's syntax: no back-references, no look-around",
        ) from None
    for row in rows(dataset, tables, ("doc_id", "uri", "text")):
        match = compiled.search(row["text"])
        if match is not None:
            start, end = match.span()
            text = row["text"]
            yield Hit(
                row["table"],
                row["doc_id"],
                row["uri"],
                text[max(0, start - _AROUND) : start],
                text[start:end],
                text[end : end + _AROUND],
            )


def _in_words(error: re2.error) -> str:
    told = error.args[0] if error.args else ""
    return told.decode(errors="replace") if isinstance(told, bytes) else str(told)


def sample(dataset: Path, count: int, seed: int = 0, tables: Sequence[str] = ("train",)) -> list[dict[str, Any]]:
    """Return `count` documents drawn evenly, the same ones for the same seed; memory is that of the sample."""
    keyed = ((_draw(row["doc_id"], seed), number, row) for number, row in enumerate(rows(dataset, tables)))
    return [row for _, _, row in heapq.nsmallest(count, keyed, key=lambda each: each[:2])]


def _draw(doc_id: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}\0{doc_id}".encode(), digest_size=8).digest()


def diff(before: Path, after: Path) -> Difference:
    """Compare two datasets document by document. About 200 bytes of memory a document."""
    old, new = _places(before), _places(after)
    both = old.keys() & new.keys()
    return Difference(
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
        changed=sorted(place for place in both if old[place][1] != new[place][1]),
        moved=sorted((place, old[place][0], new[place][0]) for place in both if old[place][0] != new[place][0]),
    )


def _places(dataset: Path) -> dict[str, tuple[str, bytes]]:
    """Return table and text hash by place; the same place given twice is numbered."""
    found: dict[str, tuple[str, bytes]] = {}
    for table in TABLES:
        for batch in read_batches(parts(dataset, table), ("uri", "byte_start", "text")):
            for row in batch.to_pylist():
                place = row["uri"] if not row["byte_start"] else f"{row['uri']}, from byte {row['byte_start']:,}"
                while place in found:
                    place += "'"
                found[place] = (table, hashlib.blake2b(row["text"].encode(), digest_size=16).digest())
    return found
