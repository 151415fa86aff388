"""TextBatch: some documents as an Arrow record batch, with what several stages want of their texts computed once.

Filters, sketches and fingerprints look at the same texts. They share one decoding into Python strings and one pass of
the compiled statistics, whichever of them asks first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from ingot.data.statistics.columns import Statistics


@dataclass(frozen=True, eq=False)
class TextBatch:
    """Rows with at least the columns `doc_id`, `uri`, `parser` and `text` of data/document.SCHEMA.

    `inputs` are folders of artifacts a filter may ask for by name, such as an index of evaluation sets.
    """

    rows: pa.RecordBatch
    inputs: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def texts(self) -> pa.StringArray:
        """Return the texts without copying them; large_string where the rows have it."""
        return self.rows.column("text")

    @cached_property
    def strings(self) -> list[str]:
        """Return the texts as Python strings."""
        decoded: list[str] = self.texts.to_pylist()
        return decoded

    @cached_property
    def statistics(self) -> Statistics:
        """Return the statistics, signatures and hashes of all texts, from one pass over their bytes."""
        # Not at the top: numba takes a fifth of a second to import, and a recipe only names what works on batches.
        from ingot.data.statistics.describe import describe

        return describe(self.texts)

    def __len__(self) -> int:
        return int(self.rows.num_rows)


def of_texts(texts: Iterable[str], parser: str = "text") -> TextBatch:
    """Return a batch of bare texts, numbered, as if `parser` had read them."""
    strings = list(texts)
    names = [str(number) for number in range(len(strings))]
    return TextBatch(_rows(names, strings, parser))


def _rows(names: Sequence[str], texts: Sequence[str], parser: str) -> pa.RecordBatch:
    columns = {"doc_id": names, "uri": names, "parser": [parser] * len(names), "text": texts}
    return pa.record_batch({name: pa.array(values, pa.string()) for name, values in columns.items()})
