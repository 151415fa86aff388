"""What a dataset is made of: documents and bytes by table, and by every column that holds words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ingot.data.document import SCHEMA
from ingot.data.report.personal import is_personal
from ingot.data.report.tables import SIZE, Part
from ingot.data.report.tally import Count, Tally

DESCRIBED = ("media_type", "parser", "licence", "owner", "region", "retention")
# Found in a document, but shown in sections of their own.
_ELSEWHERE = frozenset({*SCHEMA.names, SIZE, "flags", "duplicate_of", "changes", "reason"})


class Contents:
    """Gathers the contents; `annotated` has the word columns that filters made, `sizes` 8 bytes a document."""

    def __init__(self) -> None:
        self.by_table = Tally()
        self.described = {name: Tally() for name in DESCRIBED}
        self.annotated: dict[str, Tally] = {}
        self.access = Tally()
        self.contaminated = Tally()  # of what is kept, by the sets it has passages of
        self.flags = Tally()
        self.numeric: dict[str, None] = {}  # in the order of the columns
        self._sizes: list[npt.NDArray[Any]] = []

    def add(self, part: Part) -> None:
        """Count the documents of one file."""
        rows, sizes = part.rows, part.rows[SIZE]
        self.by_table.add(pa.array([part.table] * len(rows), pa.string()), sizes)
        for name, tally in self.described.items():
            tally.add(rows[name], sizes)
        self.access.add_lists(rows["access"], sizes, and_empty=True)
        self.flags.add_lists(rows["flags"], sizes)
        if part.table != "dropped" and "contaminated_by" in rows.schema.names:
            self.contaminated.add(rows["contaminated_by"], sizes)
        for field in rows.schema:
            if field.name not in _ELSEWHERE and not is_personal(field.name):
                self._add_annotation(field, rows[field.name], sizes)
        self._sizes.append(np.asarray(sizes.to_numpy()))

    def _add_annotation(self, field: pa.Field, values: pa.ChunkedArray, sizes: pa.ChunkedArray) -> None:
        if pa.types.is_string(field.type) or pa.types.is_boolean(field.type):
            self.annotated.setdefault(field.name, Tally()).add(values, sizes)
        elif pa.types.is_floating(field.type) or pa.types.is_integer(field.type):
            self.numeric[field.name] = None

    @property
    def kept(self) -> Count:
        """What is trained on or held out."""
        train, held_out = self.by_table["train"], self.by_table["held_out"]
        return Count(train.documents + held_out.documents, train.bytes + held_out.bytes)

    @property
    def sizes(self) -> npt.NDArray[Any]:
        """Return the bytes of every text."""
        return np.concatenate([np.empty(0, np.int64), *self._sizes])
