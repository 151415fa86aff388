"""Rows of the files people publish and keep questions in: CSV, TSV, JSON, JSON Lines, Parquet, plain text.

A row knows its file and its number, as an editor or a spreadsheet counts, and a field that cannot be used is told with
both. Tab-separated files are read as GLUE publishes them, where a quotation mark is only a character.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import pyarrow.parquet as pq
from pyarrow import ArrowException

from ingot.core.plugins import load as load_plugin
from ingot.flow.source import Snapshot, SourceItem

_LONGEST_CELL = 16 << 20
_SHOWN = 60
_BRACES = re.compile(r"\{([^{}\n]+)\}")
# Returns the names of the columns when the first row of a table is a row and not a heading, else None.
Columns = Callable[[Sequence[str]], Sequence[str] | None]


class BadRowError(Exception):
    """A row cannot become an item: the field, and why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field, self.why = field, why


@dataclass(frozen=True)
class Fault:
    """A row that is no item: where it stands, which field, and why; row 0 is the file as a whole."""

    file: str
    row: int
    field: str
    why: str

    @property
    def place(self) -> str:
        """Where it stands, such as `exam.csv:12`."""
        return f"{self.file}:{self.row}" if self.row else self.file

    @property
    def reason(self) -> str:
        """Which field, and why, as a sentence."""
        return f"{self.field or ('the row' if self.row else 'the file')} {self.why}"

    def as_fields(self) -> dict[str, Any]:
        """Return it as JSON literals."""
        return asdict(self)


@dataclass(frozen=True)
class Row:
    """One row of a file; `number` counts from 1, a heading included."""

    file: str
    number: int
    fields: Mapping[str, Any]

    @property
    def place(self) -> str:
        """Where it stands, such as `exam.csv:12`."""
        return f"{self.file}:{self.number}"

    @property
    def stem(self) -> str:
        """The name of its file without folder and ending."""
        return PurePosixPath(self.file).name.partition(".")[0]

    def has(self, *names: str) -> bool:
        """Say whether all of these fields are there and not empty."""
        return all(self.fields.get(name) not in (None, "") for name in names)

    def value(self, name: str) -> Any:
        """Return a field. Raises BadRowError when the row does not have it."""
        if self.fields.get(name) is None:
            raise BadRowError(name, f"is missing; there are {', '.join(map(str, self.fields)) or 'no fields'}")
        return self.fields[name]

    def text(self, name: str) -> str:
        """Return a field that holds text. Raises BadRowError for nothing but white space, and for anything else."""
        value = self.value(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise BadRowError(name, f"is {_shown(value)}, not a text")
        if not value.strip():
            raise BadRowError(name, "is empty")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field that is a list of texts. Raises BadRowError for anything else."""
        value = self.value(name)
        is_list = isinstance(value, list | tuple) and bool(value)
        if not is_list or not all(isinstance(each, str) and each.strip() for each in value):
            raise BadRowError(name, f"is {_shown(value)}, not a list of texts")
        return tuple(value)

    def filled(self, template: str, **more: str) -> str:
        """Return a template with fields in the place of their names in braces; lists stand as lines.

        Raises BadRowError for a field that is missing.
        """

        def text_of(match: re.Match[str]) -> str:
            name = match[1]
            if name in more:
                return more[name]
            return "\n".join(self.texts(name)) if isinstance(self.fields.get(name), list) else self.text(name)

        return _BRACES.sub(text_of, template)

    def place_among(self, name: str, names: Sequence[str]) -> int:
        """Return which of `names` a field says: by number from 0, or by name. Raises BadRowError when it says neither.

        A label of -1 means, in published test sets, that the answer was kept back.
        """
        value = self.value(name)
        said = str(value).strip()
        if isinstance(value, bool) and len(names) == 2:
            return int(value)
        if said.isdecimal() and int(said) < len(names):
            return int(said)
        lower = [each.lower() for each in names]
        if said.lower() in lower:
            return lower.index(said.lower())
        held_back = "; the answers of this file were kept back" if said == "-1" else ""
        raise BadRowError(
            name, f"is {_shown(value)}, not one of {', '.join(names)} or 0 to {len(names) - 1}{held_back}"
        )


def read_rows(sources: Mapping[str, Snapshot], columns: Columns | None = None) -> Iterator[Row | Fault]:
    """Yield the rows of all files of the sources, and a Fault for what is none."""
    for _, snapshot in sorted(sources.items()):
        # A plug-in is loaded by its name, so its class is known at run time only.
        connector = cast("Any", load_plugin("connector", snapshot.connector).entry)
        for item in snapshot.items:
            with closing(connector.open(item)) as stream:
                yield from _rows_of(item, stream, columns)


def _rows_of(item: SourceItem, stream: BinaryIO, columns: Columns | None) -> Iterator[Row | Fault]:
    ending = item.uri.lower().rpartition(".")[2]
    name = item.uri
    if ending == "parquet":
        yield from _parquet(name, stream)
    elif ending in ("jsonl", "ndjson"):
        yield from _json_lines(name, stream)
    elif ending == "json":
        yield from _json(name, stream)
    elif ending in ("csv", "tsv"):
        yield from _table(name, stream, ending == "tsv", columns)
    elif ending in ("txt", "md"):
        yield from _text(name, stream, columns)
    else:
        yield Fault(name, 0, "", f"ends in .{ending} and holds no rows; csv, tsv, json, jsonl, parquet, txt do")


def _json_lines(name: str, stream: BinaryIO) -> Iterator[Row | Fault]:
    for number, line in enumerate(stream, start=1):
        if line.strip():
            try:
                yield _object(name, number, json.loads(line))
            except (ValueError, RecursionError) as error:
                yield Fault(name, number, "", f"is no JSON object: {error}")


def _json(name: str, stream: BinaryIO) -> Iterator[Row | Fault]:
    """Yield the objects of a list, or those an object holds under their names (PubMedQA), which become `id`."""
    try:
        content = json.loads(stream.read())
    except (ValueError, RecursionError) as error:
        yield Fault(name, 0, "", f"is no JSON: {error}")
        return
    if isinstance(content, Mapping) and content and all(isinstance(each, Mapping) for each in content.values()):
        content = [{"id": key, **each} for key, each in content.items()]
    if not isinstance(content, list):
        yield Fault(name, 0, "", "holds no list of objects")
        return
    for number, each in enumerate(content, start=1):
        yield _object(name, number, each)


def _object(name: str, number: int, value: Any) -> Row | Fault:
    return Row(name, number, value) if isinstance(value, dict) else Fault(name, number, "", "is no object with fields")


def _parquet(name: str, stream: BinaryIO) -> Iterator[Row | Fault]:
    try:
        with pq.ParquetFile(stream) as file:
            number = 0
            for batch in file.iter_batches(batch_size=512):
                for fields in batch.to_pylist():
                    number += 1
                    yield Row(name, number, fields)
    except (ArrowException, OSError) as error:
        yield Fault(name, 0, "", f"cannot be read as Parquet: {error}")


def _text(name: str, stream: BinaryIO, columns: Columns | None) -> Iterator[Row | Fault]:
    """Yield a text as one row, but a table that only ends in .txt (MRPC) as its rows."""
    data = stream.read()
    if data.count(b"\t", 0, data.find(b"\n") + 1) and columns is not None:
        yield from _table(name, io.BytesIO(data), True, columns)
        return
    try:
        yield Row(name, 1, {"text": data.decode("utf-8-sig")})
    except UnicodeDecodeError as error:
        yield Fault(name, 1, "", f"is not UTF-8: {error.reason} at byte {error.start}")


def _table(name: str, stream: BinaryIO, is_tabbed: bool, columns: Columns | None) -> Iterator[Row | Fault]:
    csv.field_size_limit(_LONGEST_CELL)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE) if is_tabbed else csv.reader(text)
    heading: Sequence[str] | None = None
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cells):
                continue
            if heading is None:
                heading = columns(cells) if columns else None
                if heading is None:
                    heading = [cell.strip() for cell in cells]
                    continue
            if len(cells) > len(heading):
                why = f"has {len(cells)} cells under {len(heading)} headings: is a comma or a quotation mark loose?"
                yield Fault(name, number, "", why)
                continue
            yield Row(name, number, dict(zip(heading, cells, strict=False)))
    except (csv.Error, UnicodeDecodeError) as error:
        yield Fault(name, number + 1, "", f"cannot be read from here on: {error}")
    finally:
        text.close()


def _shown(value: object) -> str:
    told = repr(value)
    return told if len(told) <= _SHOWN else f"{told[:_SHOWN]}..."
