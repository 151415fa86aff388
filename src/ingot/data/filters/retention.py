"""Whether the date until which a document may be kept has passed, on a day that the recipe names.

The day is a setting and no clock is read, so that a run gives the same result whenever it is repeated. Nothing is
dropped here: `{name: retention, column: retention_over, one_of: ["true"]}` is the rule that does.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.core.errors import UsageError
from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.inputs import terms


@dataclass(frozen=True)
class Config:
    """The day to judge by, as in 2026-11-30. It may be empty as long as no document has a date."""

    today: str = ""

    def __post_init__(self) -> None:
        """Raise UsageError for what is no date."""
        if self.today and _date(self.today) is None:
            raise UsageError(f"{self.today!r} is no date", where="filter retention", fix="write it as 2026-11-30")


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return which documents may no longer be kept, and which have a term that is no date.

    Raises UsageError when a document has a term and no day is given to judge it by.
    """
    given = [(term or "").strip() for term in terms(batch, "retention")]
    if any(given) and not config.today:
        raise UsageError(
            "documents have a retention date, and the filter retention does not know what day it is",
            why="no clock is read, so that a run can be repeated",
            fix='set its option today, for example "2026-11-30"',
        )
    today = _date(config.today)
    dates = [_date(term) for term in given]
    is_over = [date is not None and today is not None and date < today for date in dates]
    is_unclear = [bool(term) and date is None for term, date in zip(given, dates, strict=True)]
    return [
        Annotation("retention_over", np.array(is_over, np.bool_)),
        Annotation("retention_unclear", np.array(is_unclear, np.bool_)),
    ]


def _date(term: str) -> datetime.date | None:
    """Return the date of ISO 8601 text, of its time only the day."""
    try:
        return datetime.datetime.fromisoformat(term).date()
    except ValueError:
        return None
