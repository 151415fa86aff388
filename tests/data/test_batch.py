"""A batch computes what its texts are asked for once, from the rows as they are."""

from __future__ import annotations

import pyarrow as pa

from ingot.data.batch import TextBatch, of_texts
from ingot.data.statistics.counts import Count


def test_texts_and_strings_are_the_rows() -> None:
    batch = of_texts(["one", "zwei – zwei"], parser="markdown")
    assert batch.strings == batch.texts.to_pylist() == ["one", "zwei – zwei"]
    assert batch.rows.column("parser").to_pylist() == ["markdown"] * 2
    assert len(batch) == 2


def test_statistics_are_computed_once() -> None:
    batch = of_texts(["one", "two words"])
    assert batch.statistics is batch.statistics
    assert batch.statistics.count(Count.WORDS).tolist() == [1, 2]


def test_large_strings_will_do() -> None:
    rows = pa.record_batch({"text": pa.array(["three words here"], pa.large_string())})
    assert TextBatch(rows).statistics.count(Count.WORDS).tolist() == [3]
