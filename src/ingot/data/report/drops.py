"""What was dropped: documents and bytes by reason, and a few documents of each."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ingot.data.report.tables import SIZE, Part
from ingot.data.report.tally import Examples, Tally

_SHOWN = ("doc_id", "uri", "duplicate_of")


class Drops:
    """Gathers the reasons; examples are rows of `doc_id`, `uri`, `duplicate_of`, `value` and `path`.

    `columns` are the columns that rules look at, by the rules' names: their values are in the examples.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.reasons = Tally()
        self.examples = Examples()
        self._columns = columns

    def add(self, part: Part) -> None:
        """Count the documents of one file, if it is one of dropped documents."""
        if part.table != "dropped":
            return
        self.reasons.add(part.rows["reason"], part.rows[SIZE])
        for reason in pc.unique(part.rows["reason"]).to_pylist():
            rows = part.rows.filter(pc.equal(part.rows["reason"], reason))
            values = rows[self._columns[reason]] if reason in self._columns else pa.nulls(len(rows))
            self.examples.add(reason, rows.select(_SHOWN).append_column("value", values), path=part.path)
