"""From files to documents: every item parsed in the sandbox, every failure kept with its reason.

The parent only hands out items and writes rows; the bytes of a document are opened, decoded and parsed in a confined
process. Rows are written in the order of the items, in bounded memory, so the same input gives the same file.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingot.core.config import load as load_config
from ingot.core.confinement import Limits
from ingot.core.errors import InputError
from ingot.core.events import Emit
from ingot.core.plugins import load
from ingot.core.sandbox import Failure, Finished, Sandbox
from ingot.core.storage import write_atomically
from ingot.data.config import ReadConfig
from ingot.data.document import SCHEMA
from ingot.data.parser_choice import choose, endings, plugin
from ingot.data.rows import RowWriter
from ingot.flow.source import Snapshot, SourceItem

DOCUMENTS_FILE = "documents.parquet"
FAILURES_FILE = "failures.jsonl"


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


def read_documents(
    sources: Mapping[str, Snapshot], config: ReadConfig, folder: Path, *, cores: int, emit: Emit
) -> dict[str, Any]:
    """Parse every item of the sources into `folder`/documents.parquet and return the facts.

    Raises InputError when not one document comes of it.
    """
    for name, options in config.parsers.items():
        load_config(load("parser", name).config_type, options, f"parsers.{name}")
    tasks = list(_tasks(sources, config))
    failures = [
        FailedItem(uri, None, reason, "make it readable, or leave it out", reason)
        for source in sources.values()
        for uri, reason in source.skipped
    ]
    for failure in failures:
        emit("failure", uri=failure.uri, reason=failure.reason, fix=failure.fix)
    with RowWriter(folder / DOCUMENTS_FILE, SCHEMA) as writer:
        failures += _parse_all(tasks, config, writer, cores, emit)
    write_atomically(folder / FAILURES_FILE, "".join(failure.as_json() + "\n" for failure in failures))
    by_reason = Counter(failure.what for failure in failures)
    if not writer.rows:
        raise nothing_readable(len(tasks), by_reason)
    return {
        "files": len(tasks),
        "documents": writer.rows,
        "failed": len(failures),
        "bytes": writer.text_bytes,
        "failures_by_reason": dict(sorted(by_reason.items())),
    }


def nothing_readable(files: int, by_reason: Mapping[str, int]) -> InputError:
    """Say that there is no text in what was given, and why."""
    reasons = "; ".join(f"{what} ({count})" for what, count in sorted(by_reason.items(), key=lambda pair: -pair[1]))
    return InputError(
        "there is nothing readable in these documents",
        why=f"{files} files were looked at: {reasons or 'none was there'}",
        fix="give a folder with text, Markdown, HTML, code, CSV, JSON, PDF or Office files",
    )


def parse_item(task: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what comes of one item; runs in the sandbox. First {"parser": name}, then a row of SCHEMA per document."""
    item = SourceItem(**task["item"])
    connector: Any = plugin("connector", task["connector"]).entry
    with connector.open(item) as stream:
        if os.fstat(stream.fileno()).st_size != item.bytes:
            raise InputError("it changed while it was being read", fix="run the build again when nobody writes to it")
        name = choose(item.uri, stream, endings())
        yield {"parser": name}
        parser = plugin("parser", name)
        for document in parser.entry(stream, item, parser.config_type(**task["parsers"].get(name, {}))):
            yield {**document.as_row(), **task["stamp"]}


def _tasks(sources: Mapping[str, Snapshot], config: ReadConfig) -> Iterator[dict[str, Any]]:
    stamp = {"owner": config.owner, "access": list(config.access), "retention": config.retention}
    licence = {"licence": config.licence} if config.licence else {}
    for name, snapshot in sorted(sources.items()):
        prefix = f"{name}/" if len(sources) > 1 else ""
        for item in sorted(snapshot.items, key=lambda item: item.uri):
            yield {
                "item": {**asdict(item), "uri": prefix + item.uri},
                "connector": snapshot.connector,
                "parsers": {parser: dict(options) for parser, options in config.parsers.items()},
                "stamp": {**stamp, **licence},
            }


def _parse_all(
    tasks: list[dict[str, Any]], config: ReadConfig, writer: RowWriter, cores: int, emit: Emit
) -> Iterator[FailedItem]:
    limits = Limits(memory_bytes=config.memory_bytes, timeout_seconds=config.timeout_seconds)
    workers = min(cores, len(tasks) // 4 + 1)
    every = max(1, len(tasks) // 200)
    parser: str | None = None
    with Sandbox(f"{__name__}:{parse_item.__name__}", workers=workers, limits=limits) as sandbox:
        for word in sandbox.map(tasks):
            if not isinstance(word, Finished):
                if set(word.value) == {"parser"}:
                    parser = word.value["parser"]
                else:
                    writer.write(word.value)
                continue
            if word.failure is not None:
                failed = _failed(tasks[word.index]["item"]["uri"], parser, word.failure)
                emit("failure", uri=failed.uri, reason=failed.reason, fix=failed.fix)
                yield failed
            parser = None
            if (word.index + 1) % every == 0 or word.index + 1 == len(tasks):
                emit("progress", done=word.index + 1, total=len(tasks), unit="files")
        if sandbox.missing_layers:
            emit("note", text=f"this system lacks for parsing: {', '.join(sandbox.missing_layers)}")


def _failed(uri: str, parser: str | None, failure: Failure) -> FailedItem:
    reason = f"{failure.what}: {failure.why}" if failure.why else failure.what
    fix = failure.fix or "leave it out, or convert it to text or PDF"
    return FailedItem(uri, parser, reason, fix, failure.what)
