"""What transforms changed: documents, places and bytes by transform and reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ingot.data.report.tables import Part


@dataclass(frozen=True)
class Changed:
    """What one transform changed for one reason: documents, places in them, and bytes there before and after."""

    transform: str
    why: str
    documents: int
    places: int
    before: int
    after: int


class Changes:
    """Gathers the records of changes, those in dropped documents too."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Changed] = {}

    def add(self, part: Part) -> None:
        """Count the changes in the documents of one file."""
        for more in _changes(part.rows["changes"]):
            key = (more.transform, more.why)
            known = self._found.get(key, Changed(*key, 0, 0, 0, 0))
            names = ("documents", "places", "before", "after")
            self._found[key] = Changed(*key, *(getattr(known, name) + getattr(more, name) for name in names))

    def items(self) -> list[Changed]:
        """Return what was changed, most places first."""
        return sorted(self._found.values(), key=lambda each: (-each.places, each.transform, each.why))


def flattened(column: pa.ChunkedArray) -> pa.Table:
    """Return a row for every change: transform, why, the document's number, bytes before and after."""
    records = pc.list_flatten(column)
    start, end = (pc.struct_field(records, name) for name in ("start", "end"))
    return pa.table(
        {
            "transform": pc.struct_field(records, "transform"),
            "why": pc.struct_field(records, "why"),
            "document": pc.list_parent_indices(column),
            "before": pc.subtract(end, start),
            "after": pc.struct_field(records, "length"),
        }
    )


def _changes(column: pa.ChunkedArray) -> Iterator[Changed]:
    sums = (
        flattened(column)
        .group_by(["transform", "why"])
        .aggregate([("document", "count_distinct"), ("document", "count"), ("before", "sum"), ("after", "sum")])
    )
    for row in sums.to_pylist():
        yield Changed(
            *(row["transform"], row["why"], row["document_count_distinct"], row["document_count"]),
            *(row["before_sum"], row["after_sum"]),
        )
