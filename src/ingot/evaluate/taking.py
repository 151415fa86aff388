"""The step that makes a task: rows of files, or documents of a dataset, become items; rows that are none are named.

The artifact is also an n-gram index of its items (`data/ngram_index`): curation takes it as an input and finds the
documents that hold them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ingot.core.config import load
from ingot.core.errors import InputError, UsageError
from ingot.core.plugins import Plugin
from ingot.core.plugins import load as load_plugin
from ingot.core.storage import write_atomically
from ingot.core.tables import parts
from ingot.core.tables import read_rows as read_table
from ingot.data.ngram_index import build
from ingot.data.reference_texts import by_hash, files_of
from ingot.evaluate.config import TaskConfig
from ingot.evaluate.rows import BadRowError, Fault, Row, read_rows
from ingot.evaluate.task import Asking, Item, Task, own_text, unique, with_examples, write_task
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot
from ingot.flow.step import Facts, StepContext

FAULTS_FILE, EXAMPLES = "faults.jsonl", "examples"
_FEWER_WORDS = 8
_SHOWN = 5


@dataclass
class _Read:
    items: list[Item] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def take(config: TaskConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the items of all rows. Raises InputError naming file, row and field of rows that are none, unless skipped.

    Sources are the questions, but for one named `examples`; inputs are datasets whose kept-aside documents are rows.
    """
    plugin = load_plugin("task", config.task)
    options = load(plugin.config_type, config.options, f"options of the task {config.task}")
    examples = {name: source for name, source in context.sources.items() if name == EXAMPLES}
    asked = {name: source for name, source in context.sources.items() if name != EXAMPLES}
    read = _read(_all_rows(asked, inputs, plugin), plugin, options)
    shown = _read(read_rows(examples, plugin.other("columns")), plugin, options)
    _tell(read.faults + shown.faults, context)
    if read.faults + shown.faults and config.bad_rows == "refuse":
        raise _refusal(read.faults + shown.faults)
    if not read.items:
        raise InputError("no row is an item of this task", where=config.task, fix="see `ingot plugins task`")
    kept = _limited(list(unique(read.items)), config.limit)
    _refuse_missing_examples(config.shots, shown.items)
    items = tuple(with_examples(item, shown.items, config.shots) for item in kept) if config.shots else tuple(kept)
    asking: Asking = plugin.other("ASKING") or Asking()
    if config.framing != "by task":
        asking = replace(asking, is_request=config.framing == "chat")
    write_task(context.folder, Task(config.task, plugin.other("VERSION"), asking, items))
    index = _index(items, config.ngram_words, context)
    groups = sorted({item.group for item in items})
    return {
        "task": config.task,
        "task_version": plugin.other("VERSION"),
        "items": len(items),
        "faults": len(read.faults) + len(shown.faults),
        "repeated": len(items) - len({own_text(item) for item in items}),
        "groups": groups if len(groups) > 1 else [],
        "shots": config.shots,
        **index,
    }


def _all_rows(sources: Mapping[str, Snapshot], inputs: Mapping[str, Artifact], plugin: Plugin) -> Iterator[Row | Fault]:
    yield from read_rows(sources, plugin.other("columns"))
    for artifact in inputs.values():
        files = parts(artifact.path, "held_out") or files_of(artifact.path)
        for number, fields in enumerate(read_table(files, ("doc_id", "uri", "text")), start=1):
            yield Row(artifact.reference, number, fields)


def _read(rows: Iterable[Row | Fault], plugin: Plugin, options: object) -> _Read:
    read = _Read()
    for row in rows:
        if isinstance(row, Fault):
            read.faults.append(row)
            continue
        try:
            read.items += plugin.entry(row, options)
        except BadRowError as error:
            read.faults.append(Fault(row.file, row.number, error.field, error.why))
    return read


def _tell(faults: Sequence[Fault], context: StepContext) -> None:
    """Write all faults, and tell each to whoever watches."""
    if faults:
        lines = (json.dumps(fault.as_fields(), ensure_ascii=False) for fault in faults)
        write_atomically(context.folder / FAULTS_FILE, "".join(f"{line}\n" for line in lines))
    for fault in faults:
        context.emit("failure", uri=fault.place, reason=fault.reason)


def _refusal(faults: Sequence[Fault]) -> InputError:
    told = "; ".join(f"{each.place}: {each.reason}" for each in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    rows = "1 row is no item of this task" if len(faults) == 1 else f"{len(faults)} rows are no items of this task"
    return InputError(
        rows,
        where=told + more,
        why="a figure over the rest alone would be one of another task",
        fix="mend these rows, or go on with the rest: bad_rows: skip in the config, --bad-rows skip in the command",
    )


def _limited(items: list[Item], limit: int) -> list[Item]:
    if not limit or limit >= len(items):
        return items
    chosen = {item.id for item in sorted(items, key=lambda item: by_hash(item.id))[:limit]}
    return [item for item in items if item.id in chosen]


def _refuse_missing_examples(shots: int, examples: Sequence[Item]) -> None:
    if shots < 0:
        raise UsageError(f"{shots} examples cannot be shown", where="shots", fix="choose 0 or more")
    if shots and len(examples) < shots:
        raise UsageError(
            f"there are {len(examples)} examples, but {shots} are to be shown",
            where=f"the source {EXAMPLES!r}",
            fix="name a file with solved questions (--examples), such as MMLU's dev files",
        )


def _index(items: Sequence[Item], words: int, context: StepContext) -> dict[str, Any]:
    """Write the n-gram index of the items beside them, and return what is in it."""
    texts = [own_text(item) for item in items]
    for length in (words, _FEWER_WORDS):
        try:
            built = build(texts, context.folder, length)
        except InputError:
            continue
        if built["too_short"] * 2 <= len(texts) or length == _FEWER_WORDS:
            return {"ngram_words": length, "ngrams": built["ngrams"], "too_short": built["too_short"]}
    context.emit("note", text="no item has eight words, so none can be told again in what a model was trained on")
    return {"ngram_words": 0, "ngrams": 0, "too_short": len(texts)}
