"""Counts become columns and shares without losing anything."""

from __future__ import annotations

import pyarrow as pa

from ingot.data.statistics.counts import Count
from ingot.data.statistics.describe import describe

STATISTICS = describe(pa.array(["a b\nc", "", "1234567890"]))


def test_a_column_for_every_count() -> None:
    assert STATISTICS.count(Count.NEWLINES).tolist() == [1, 0, 0]
    assert STATISTICS.counts.shape == (3, len(Count))
    assert sorted(Count) == list(range(len(Count)))


def test_shares_are_exact_and_nothing_has_none() -> None:
    assert STATISTICS.share(Count.NEWLINES, Count.CHARACTERS).tolist() == [1 / 5, 0, 0]
    assert STATISTICS.share(Count.DIGITS, Count.CHARACTERS).tolist() == [0, 0, 1]
