"""Shards whose rows hold whole examples: what is judged as a whole must not be cut in two.

A training reads windows of `row_tokens` tokens. Examples are put into rows of that length, the first of the open ones
that has room, and what is left of a row is filled; one token more ends the shard, so that windows and rows are the
same. A training with another `sequence_length` would see parts of examples, and says so.
A line of a source that is no example is left out, with its reason in `failures.jsonl`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.core.storage import fsync_tree, sha256_file, write_atomically
from ingot.core.tables import shard_name
from ingot.data.shard import ShardWriter
from ingot.data.shards import FORMAT, SPLITS
from ingot.flow.step import StepContext
from ingot.tokenizer.codec import Codec

_SMALL_VOCABULARY = 1 << 16
_OPEN_ROWS = 32


@dataclass(frozen=True)
class Piece:
    """A document of an example: its id, its bytes of text and its ids with their marks."""

    doc_id: str
    bytes: int
    ids: Sequence[int]


Example = Sequence[Piece]


@dataclass
class Counted:
    """What was written to a split; `filling` are the tokens that only fill rows."""

    examples: int = 0
    tokens: int = 0
    filling: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)


def write_rows(
    examples: Callable[[], Iterator[tuple[str, Example]]], codec: Codec, tokenizer: Path, folder: Path, row_tokens: int
) -> dict[str, Counted]:
    """Write `(split, example)` pairs as shards of whole rows; return what was counted, by split."""
    dtype = "uint16" if codec.vocabulary <= _SMALL_VOCABULARY else "uint32"
    counted = {split: Counted() for split in SPLITS}
    with ExitStack() as stack:
        writers = {}
        for split in SPLITS:
            place = folder / split / shard_name(0)
            place.mkdir(parents=True)
            writers[split] = stack.enter_context(ShardWriter(place, dtype, codec.vocabulary))
        rows = {split: _Rows(writers[split], row_tokens, codec.pad, counted[split]) for split in SPLITS}
        for split, example in examples():
            rows[split].add(example)
        for each in rows.values():
            each.finish()
    for writer in writers.values():
        writer.finish()
    manifest = {
        "format": FORMAT,
        "dtype": dtype,
        "vocabulary": codec.vocabulary,
        "bos": codec.bos,
        "eos": codec.eos,
        "tokenizer": sha256_file(tokenizer / "tokenizer.json"),
        "shards": dict.fromkeys(SPLITS, 1),
    }
    write_atomically(folder / "shards.json", json.dumps(manifest, indent=1) + "\n")
    return counted


def report_failures(failures: Sequence[Mapping[str, str]], context: StepContext) -> None:
    """Write down which lines were left out and why, and flush the folder."""
    write_atomically(context.folder / "failures.jsonl", "".join(json.dumps(each) + "\n" for each in failures))
    fsync_tree(context.folder)
    if failures:
        context.emit("warning", text=f"{len(failures)} lines are no example; failures.jsonl says why")


def facts_of(counted: Mapping[str, Counted], row_tokens: int) -> dict[str, Any]:
    """Return what a training and a reader want to know of the shards."""
    found: dict[str, Any] = {"row_tokens": row_tokens}
    for split, each in counted.items():
        found |= {f"{split}_examples": each.examples, f"{split}_tokens": each.tokens}
    train = counted["train"]
    return {**found, "filling": round(train.filling / max(train.tokens, 1), 4)}


class _Rows:
    """Puts examples into rows and rows into a shard."""

    def __init__(self, writer: ShardWriter, row_tokens: int, pad: int, counted: Counted) -> None:
        self._writer, self._length, self._pad, self._counted = writer, row_tokens, pad, counted
        self._open: list[tuple[int, list[Piece]]] = []

    def add(self, example: Example) -> None:
        """Put an example into the first open row with room for it."""
        size = sum(len(piece.ids) for piece in example)
        assert size <= self._length, "an example is cut to a row before"
        place = next((at for at, (used, _) in enumerate(self._open) if used + size <= self._length), None)
        if place is None:
            if len(self._open) == _OPEN_ROWS:
                self._write(self._open.pop(max(range(_OPEN_ROWS), key=lambda at: self._open[at][0])))
            self._open.append((0, []))
            place = len(self._open) - 1
        used, pieces = self._open[place]
        self._open[place] = used + size, [*pieces, *example]
        self._counted.examples += 1

    def finish(self) -> None:
        """Write the rows that are still open, and the token that the last window needs for its last target."""
        for number, row in enumerate(self._open, start=1):
            self._write(row, 1 if number == len(self._open) else 0)

    def _write(self, row: tuple[int, list[Piece]], more: int = 0) -> None:
        used, pieces = row
        left = self._length - used + more
        for number, piece in enumerate(pieces, start=1):
            filling = [self._pad] * left if number == len(pieces) else []
            self._writer.append(piece.doc_id, piece.bytes, [piece.ids, filling])
        self._counted.tokens += self._length
        self._counted.filling += left


def refuse_parts(first_tokens: Any, bos: int) -> None:
    """Raise InputError when rows of a batch do not begin with an example: `first_tokens` are their first ids."""
    if not bool((first_tokens == bos).all()):
        raise InputError(
            "the rows of this training do not begin with whole examples",
            where="training config, option sequence_length",
            why="they are read in another length than they were made in, or a document was erased from the shards",
            fix="set sequence_length to the `row_tokens` of the shards (in a recipe `fields: {sequence_length: "
            "shards.row_tokens}`), or make the shards anew",
        )
