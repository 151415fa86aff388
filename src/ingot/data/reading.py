"""From files to documents: every item parsed in the sandbox, every failure kept with its reason.

Items are put into shards by their order and size, each a piece of work of its own. A worker only opens and hands out
items and writes rows; the bytes of a document are decoded and parsed in a confined process. Rows are written in the
order of the items, in bounded memory, so the same input gives the same files.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO

from ingot.core.config import load as load_config
from ingot.core.confinement import Limits
from ingot.core.errors import InputError, UsageError
from ingot.core.events import Emit
from ingot.core.plugins import load
from ingot.core.sandbox import Failure, Finished, Sandbox, as_failure
from ingot.core.storage import write_atomically
from ingot.core.tables import SHARDS_FOLDER, shard_name
from ingot.data.config import ReadConfig
from ingot.data.containers import SAME_NAME
from ingot.data.document import SCHEMA, is_row
from ingot.data.opening import own_terms
from ingot.data.parser_choice import plugin
from ingot.data.recognition import model_folders
from ingot.data.rows import RowWriter
from ingot.flow.source import Snapshot, item_from_literals
from ingot.flow.step import StepContext
from ingot.flow.tasks import Task, TaskContext

DOCUMENTS = "documents"
# By name: what runs in the sandbox loads nothing of this file.
_PARSE = "ingot.data.parsing:parse_item"
FAILURES_FILE = "failures.jsonl"
# A shard is a few seconds of work for plain text and a few minutes for PDF: what a killed worker loses at most.
_SHARD_BYTES = 64 << 20
_SHARD_ITEMS = 2048
# From an eighth of that on a shard also ends behind one item in 32, chosen by its name: a document that comes or goes
# moves the borders near it and no others, so the next version finds the other shards already read.
_LEAST = 8
# A piece of a long document; under this, cutting at words no longer works.
_LEAST_PIECE = 256
_ENDS = 32


_MAKE_READABLE = "make it readable, or leave it out"
_FIXES = {
    SAME_NAME: "give each a name of its own; of rows, choose another column as id",
    "timeout": "split it or leave it out; if it is merely large, raise timeout_seconds of this step",
    "memory": "split it or leave it out; if it is merely large, raise memory_bytes of this step",
}


@dataclass(frozen=True)
class FailedItem:
    """A file that could not be read, or not to its end: the reason and what to do about it."""

    uri: str
    parser: str | None
    reason: str
    fix: str
    what: str

    def as_json(self) -> str:
        """Return the line for failures.jsonl."""
        return json.dumps(
            {name: getattr(self, name) for name in ("uri", "parser", "reason", "fix")}, ensure_ascii=False
        )


def read_documents(sources: Mapping[str, Snapshot], config: ReadConfig, context: StepContext) -> dict[str, Any]:
    """Parse every item of the sources into shards of documents.parquet and return the facts.

    Raises InputError when not one document comes of it.
    """
    _check_parsers(config)
    items = list(_items(sources, config))
    failures = [
        FailedItem(f"{_prefix(name, sources)}{uri}", None, reason, _FIXES.get(reason, _MAKE_READABLE), reason)
        for name, source in sorted(sources.items())
        for uri, reason in source.skipped
    ]
    for failure in failures:
        context.emit("failure", uri=failure.uri, reason=failure.reason, fix=failure.fix)
    for name, source in sorted(sources.items()):
        if source.vanished:
            text = f"{len(source.vanished)} items of {name!r} are no longer at their source and are left out"
            context.emit("note", text=text)
    shards = context.tasks.run(
        f"{__name__}:{read_shard.__name__}", _shards(items, config), context.folder / SHARDS_FOLDER
    )
    failures += [FailedItem(**failure) for shard in shards for failure in shard["failures"]]
    write_atomically(context.folder / FAILURES_FILE, "".join(failure.as_json() + "\n" for failure in failures))
    missing = sorted({layer for shard in shards for layer in shard["missing_layers"]})
    if missing:
        context.emit("note", text=f"this system lacks for parsing: {', '.join(missing)}")
    by_reason = Counter(failure.what for failure in failures)
    documents = sum(shard["documents"] for shard in shards)
    if not documents:
        raise nothing_readable(len(items), by_reason)
    return {
        "files": len(items),
        "documents": documents,
        "failed": len(failures),
        "bytes": sum(shard["bytes"] for shard in shards),
        "shards": len(shards),
        "failures_by_reason": dict(sorted(by_reason.items())),
    }


def _check_parsers(config: ReadConfig) -> None:
    """Raise UsageError for options that parsers do not have and for pieces too small to hold a word."""
    for name, options in config.parsers.items():
        made = load_config(load("parser", name).config_type, options, f"parsers.{name}")
        size = getattr(made, "piece_bytes", _LEAST_PIECE)
        if size < _LEAST_PIECE:
            fix = f"give at least {_LEAST_PIECE}"
            raise UsageError(f"piece_bytes of {size} is too little", where=f"parsers.{name}", fix=fix)


def _shards(items: Sequence[Mapping[str, Any]], config: ReadConfig) -> list[Task]:
    """Cut the items, in their order, into shards of bounded bytes and number."""
    limits = {"memory_bytes": config.memory_bytes, "timeout_seconds": config.timeout_seconds}
    groups: list[list[Mapping[str, Any]]] = []
    size = 0
    for item in items:
        if not groups or _is_full(size, groups[-1]):
            groups.append([])
            size = 0
        groups[-1].append(item)
        size += item["item"]["bytes"]
    return [
        Task(shard_name(number), {"items": group, "limits": limits}, sum(each["item"]["bytes"] for each in group))
        for number, group in enumerate(groups)
    ]


def _is_full(size: int, group: Sequence[Mapping[str, Any]]) -> bool:
    if size >= _SHARD_BYTES or len(group) >= _SHARD_ITEMS:
        return True
    is_large = _LEAST * size >= _SHARD_BYTES or _LEAST * len(group) >= _SHARD_ITEMS
    return is_large and zlib.crc32(group[-1]["item"]["uri"].encode("utf-8", "surrogatepass")) % _ENDS == 0


def read_shard(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Parse the `items` of a request, each confined by its `limits`, into documents.parquet."""
    failures: list[FailedItem] = []
    with RowWriter(context.folder / f"{DOCUMENTS}.parquet", SCHEMA) as writer:
        workers = min(context.cores, len(request["items"]) // 4 + 1)
        limits = Limits(**request["limits"])
        readable = sorted({folder for item in request["items"] for folder in model_folders(item["parsers"])})
        with Sandbox(_PARSE, workers=workers, limits=limits, readable=readable) as sandbox:
            for failure in _parse_all(request["items"], sandbox, writer, context.emit):
                context.emit("failure", uri=failure.uri, reason=failure.reason, fix=failure.fix)
                failures.append(failure)
            missing = list(sandbox.missing_layers)
    return {
        "documents": writer.rows,
        "bytes": writer.text_bytes,
        "failures": [asdict(failure) for failure in failures],
        "missing_layers": missing,
    }


def nothing_readable(files: int, by_reason: Mapping[str, int]) -> InputError:
    """Say that there is no text in what was given, and why."""
    reasons = "; ".join(f"{what} ({count})" for what, count in sorted(by_reason.items(), key=lambda pair: -pair[1]))
    return InputError(
        "there is nothing readable in these documents",
        why=f"{files} files were looked at: {reasons or 'none was there'}",
        fix="give a folder with text, Markdown, HTML, code, CSV, JSON, PDF or Office files",
    )


def open_item(task: Mapping[str, Any]) -> BinaryIO:
    """Open an item through its connector, outside the sandbox, whose processes may open no document themselves."""
    connector: Any = plugin("connector", task["connector"]).entry
    stream: BinaryIO = connector.open(item_from_literals(task["item"]))
    return stream


def _prefix(name: str, sources: Mapping[str, Snapshot]) -> str:
    """Return what the names of a source's items begin with, so that those of several sources differ."""
    return f"{name}/" if len(sources) > 1 else ""


def _items(sources: Mapping[str, Snapshot], config: ReadConfig) -> Iterator[dict[str, Any]]:
    stamp = {"owner": config.owner, "access": list(config.access), "retention": config.retention}
    licence = {"licence": config.licence} if config.licence else {}
    for name, snapshot in sorted(sources.items()):
        prefix = _prefix(name, sources)
        for item in sorted(snapshot.items, key=lambda item: item.uri):
            yield {
                "item": {**asdict(item), "uri": prefix + item.uri},
                "connector": snapshot.connector,
                "parsers": {parser: dict(options) for parser, options in config.parsers.items()},
                "stamp": {**stamp, **licence, **own_terms(item)},
            }


def _parse_all(
    items: Sequence[Mapping[str, Any]], sandbox: Sandbox, writer: RowWriter, emit: Emit
) -> Iterator[FailedItem]:
    every = max(1, len(items) // 200)
    parser, place = None, ""
    for word in sandbox.map(items, open_item):
        item = items[word.index]
        if not isinstance(word, Finished):
            said = word.value if isinstance(word.value, dict) else {}
            if is_row(said.get("document")):
                writer.write(_stamped(said["document"], item))
            elif isinstance(said.get("failure"), dict):
                yield _failed_within(said["failure"], item)
            elif not place:
                parser, place = str(said.get("parser")), item["item"]["uri"]
            else:
                place = str(said.get("uri"))
            continue
        if word.failure is not None:
            yield _failed(item["item"]["uri"], parser, _at(word.failure, place, item))
        parser, place = None, ""
        if (word.index + 1) % every == 0 or word.index + 1 == len(items):
            emit("progress", done=word.index + 1, total=len(items), unit="files")


def _stamped(row: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with what the recipe says of it. Here, because a process that a document took over may lie."""
    return {**row, "uri": _within(str(row["uri"]), item), **item["stamp"]}


def _within(uri: str, item: Mapping[str, Any]) -> str:
    own = str(item["item"]["uri"])
    return uri if uri.startswith(f"{own}!/") else own


def _failed_within(fields: Mapping[str, Any], item: Mapping[str, Any]) -> FailedItem:
    """Return what is known of a file inside the item that could not be read."""
    failure = as_failure({name: fields.get(name) or "" for name in ("what", "why", "fix")})
    parser = fields.get("parser")
    return _failed(_within(str(fields.get("uri")), item), None if parser is None else str(parser), failure)


def _at(failure: Failure, place: str, item: Mapping[str, Any]) -> Failure:
    """Return the failure with the file inside that was being read when the process was lost."""
    if failure.kind == "error" or _within(place, item) == item["item"]["uri"]:
        return failure
    return replace(failure, why=f"{failure.why}{'; ' if failure.why else ''}it happened at {place}")


def _failed(uri: str, parser: str | None, failure: Failure) -> FailedItem:
    reason = f"{failure.what}: {failure.why}" if failure.why else failure.what
    fix = failure.fix or _FIXES.get(failure.kind, "leave it out, or convert it to text or PDF")
    return FailedItem(uri, parser, reason, fix, failure.what)
