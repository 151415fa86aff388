"""What is said of a document is its place among the documents of its parser, however many are asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingot.core.tables import parts, read_rows
from ingot.data.explain import explain
from tests.data.datasets import corpus, dataset


def test_ranks_are_shares_of_the_documents_of_the_parser(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    dataset(folder, corpus(), shards=3)
    rows = [row for table in ("train", "held_out", "dropped") for row in read_rows(parts(folder, table))]
    for wanted in ("003.txt", "041.txt"):
        (found,) = explain(folder, wanted)
        ranks = {each.column: each.quantile for each in found.statistics if each.quantile is not None}
        assert {"symbol_share", "digit_share"} <= set(ranks)
        for column, rank in ranks.items():
            among = np.array([row[column] for row in rows if row["parser"] == found.row["parser"]])
            assert rank == pytest.approx(float(np.mean(among <= found.row[column])), abs=1e-4)
