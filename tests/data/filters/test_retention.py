"""Terms are judged by the day the recipe names, and by no clock."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ingot.core.errors import UsageError
from ingot.data.batch import TextBatch, of_texts
from ingot.data.filters.retention import Config, annotate


def judged(terms: list[str | None], config: Config) -> list[list[bool]]:
    rows = pa.record_batch({"text": pa.array(["x"] * len(terms)), "retention": pa.array(terms, pa.string())})
    found = annotate(TextBatch(rows), config)
    assert [each.column for each in found] == ["retention_over", "retention_unclear"]
    # Values may be of any kind; these are lists of flags.
    return [list(each.values) for each in found]  # type: ignore[arg-type]


def test_the_last_day_is_still_allowed() -> None:
    terms = ["2026-11-29", "2026-11-30", "2026-12-01", "2026-11-29T23:59:00+01:00", None, ""]
    over, unclear = judged(terms, Config(today="2026-11-30"))
    assert over == [True, False, False, True, False, False]
    assert not any(unclear)


def test_what_is_no_date_is_said_to_be_unclear() -> None:
    assert judged(["ten years", "2020-01-01"], Config(today="2026-11-30")) == [[False, True], [True, False]]


def test_without_terms_no_day_is_needed() -> None:
    assert judged([None, ""], Config()) == [[False, False], [False, False]]
    # Values are an array or a list; these are an array.
    assert annotate(of_texts(["a"]), Config())[0].values.tolist() == [False]  # type: ignore[union-attr]


def test_terms_need_a_day() -> None:
    with pytest.raises(UsageError, match="what day it is"):
        judged(["2026-11-29"], Config())
    with pytest.raises(UsageError, match="no date"):
        Config(today="tomorrow")
