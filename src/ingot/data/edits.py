"""Edits: how a text was changed between its source and the dataset, and the record of it that stays.

A transform never returns a text, it describes edits; they are applied here, the same way when texts are measured and
when they are written. What is kept beside a document says which transform changed which bytes and why, and not what
stood there: that may have been the very thing to remove.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from ingot.core.errors import StepError

# Beside a document: bytes of the UTF-8 text as it was before this transform, and how many bytes stand there now.
RECORD = pa.struct(
    [
        pa.field("transform", pa.string(), nullable=False),
        pa.field("why", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
    ]
)

Record = dict[str, Any]


@dataclass(frozen=True)
class Edit:
    """Put `text` in the place of characters `start` to `end`, for the reason `why`."""

    start: int
    end: int
    text: str
    why: str


@dataclass(frozen=True)
class Change:
    """What one transform does to one text: its edits, in order and without overlap."""

    transform: str
    edits: tuple[Edit, ...]

    def as_literals(self) -> dict[str, Any]:
        """Return the change as JSON literals."""
        return asdict(self)


def from_literals(mapping: Mapping[str, Any]) -> Change:
    """Read back :meth:`Change.as_literals`."""
    return Change(mapping["transform"], tuple(Edit(**edit) for edit in mapping["edits"]))


def apply(text: str, change: Change) -> str:
    """Return the text after a change. Raises StepError for edits that overlap, are out of order or out of the text."""
    parts: list[str] = []
    place = 0
    for edit in change.edits:
        if not place <= edit.start <= edit.end <= len(text):
            raise StepError(
                f"the transform {change.transform!r} describes an edit that does not fit its text",
                why=f"characters {edit.start} to {edit.end} of {len(text)}, after one that ends at {place}",
                fix="report it: this is a bug of that transform",
            )
        parts += (text[place : edit.start], edit.text)
        place = edit.end
    return "".join([*parts, text[place:]])


def apply_all(text: str, changes: Sequence[Change]) -> str:
    """Return the text after all changes, one upon the other."""
    for change in changes:
        text = apply(text, change)
    return text


def records(text: str, changes: Sequence[Change]) -> list[Record]:
    """Return what is kept about the changes of a text, as rows of RECORD."""
    kept: list[Record] = []
    for change in changes:
        place = size = 0
        for edit in change.edits:
            start = size + len(text[place : edit.start].encode("utf-8"))
            end = start + len(text[edit.start : edit.end].encode("utf-8"))
            length = len(edit.text.encode("utf-8"))
            kept.append({"transform": change.transform, "why": edit.why, "start": start, "end": end, "length": length})
            place, size = edit.end, end
        text = apply(text, change)
    return kept


def cut_records(kept: Sequence[Record], place: int) -> tuple[list[Record], list[Record], int]:
    """Divide the records of a changed text that is cut at a byte; return also where that is in the text as it was read.

    What was put across the cut is told of in both halves: the first has what stood there.
    """
    first: list[Record] = []
    second: list[Record] = []
    for stage in reversed(list(_stages(kept))):
        before, behind, place = _cut_stage(stage, place)
        first, second = [*before, *first], [*behind, *second]
    return first, second, place


def _stages(kept: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """Yield the records of one transform after the other."""
    ends = [
        number
        for number, (one, other) in enumerate(pairwise(kept), 1)
        if one["transform"] != other["transform"] or other["start"] < one["end"]
    ]
    for start, end in pairwise((0, *ends, len(kept))):
        yield kept[start:end]


def _cut_stage(stage: Sequence[Record], place: int) -> tuple[list[Record], list[Record], int]:
    grown = 0
    for number, record in enumerate(stage):
        start = record["start"] + grown
        if place <= start:
            break
        if place < start + record["length"]:
            cut = record["end"]
            last = {**record, "length": place - start}
            rest = {**record, "start": cut, "length": record["length"] - last["length"]}
            return [*stage[:number], last], [_moved(each, cut) for each in (rest, *stage[number + 1 :])], cut
        grown += record["length"] - (record["end"] - record["start"])
    else:
        number = len(stage)
    cut = place - grown
    return list(stage[:number]), [_moved(each, cut) for each in stage[number:]], cut


def _moved(record: Record, by: int) -> Record:
    return {**record, "start": record["start"] - by, "end": record["end"] - by}
