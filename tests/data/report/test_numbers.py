from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ingot.core.tables import parts, read_rows
from ingot.data.report.numbers import Flagged, drawn, label_of, measure, quantiles
from tests.data.datasets import corpus, dataset


def test_a_dataset_says_which_columns_its_flags_are_about(tmp_path: Path) -> None:
    facts = dataset(tmp_path / "dataset", corpus())
    assert facts["flagged_columns"]["symbol_share"] == {"flag": "mostly_symbols", "tail": "high"}
    assert set(facts["thresholds"]) == {each["flag"] for each in facts["flagged_columns"].values()}


def test_a_column_is_measured_as_its_documents_are(tmp_path: Path) -> None:
    facts = dataset(tmp_path / "dataset", corpus() | {"odd.txt": "#" * 3000, "odder.txt": "#?" * 4000}, shards=3)
    folder = tmp_path / "dataset"
    flagged = Flagged(**facts["flagged_columns"]["symbol_share"], limits=facts["thresholds"]["mostly_symbols"])
    statistic = measure(folder, "symbol_share", flagged)
    assert statistic is not None
    files = [path for table in ("train", "held_out", "dropped") for path in parts(folder, table)]
    values = np.array([row["symbol_share"] for row in read_rows(files, ("symbol_share",))])
    assert statistic.documents == len(values) == 62
    assert statistic.quantiles == pytest.approx(quantiles(values))
    assert statistic.drawn is not None
    assert sum(statistic.drawn.counts) == 62
    (threshold,) = statistic.thresholds
    assert (threshold.parser, threshold.documents) == ("text", 2)
    assert {each.uri for each in statistic.extremes} == {"odd.txt", "odder.txt"}
    assert statistic.drawn.marks[0][1] == "text"


def test_a_column_that_is_the_same_everywhere_has_no_picture(tmp_path: Path) -> None:
    dataset(tmp_path / "dataset", corpus())
    statistic = measure(tmp_path / "dataset", "broken_share")
    assert statistic is not None
    assert statistic.drawn is None
    assert list(statistic.quantiles) == [0, 0, 0]


@pytest.mark.parametrize(
    ("values", "is_logarithmic"),
    [
        (np.linspace(0.2, 0.8, 100), False),
        (np.logspace(1, 6, 100), True),
        (np.array([0.0] * 99 + [1.0]), False),
        (np.array([-3.0, 5.0]), False),
    ],
)
def test_every_value_is_drawn_on_an_axis_that_shows_it(values: np.ndarray, is_logarithmic: bool) -> None:
    picture = drawn("words", values, label_of("words"))
    assert picture is not None
    assert picture.is_logarithmic == is_logarithmic
    assert sum(picture.counts) == len(values)
    assert all(picture.edges[0] <= tick <= picture.edges[-1] for tick, _ in picture.ticks)


def test_a_far_threshold_does_not_empty_the_picture() -> None:
    picture = drawn("words", np.linspace(1, 2, 100), label_of("words"), [(1000.0, "text"), (2.2, "code")])
    assert picture is not None
    assert [name for _, name in picture.marks] == ["code"]
    assert picture.edges[-1] < 10
