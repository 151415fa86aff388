from __future__ import annotations

from datetime import date

from ingot.data.report.origin import day, retention
from ingot.data.report.tally import Count, Tally


def test_dates_pass_are_near_or_are_none() -> None:
    tally = Tally()
    for word in ("", "2026-03-31", "2026-04-01", "2026-06-30", "2026-07-01", "2027-01-01T00:00:00Z", "for ever"):
        tally.count(word, Count(1, 10))
    found = retention(tally, date(2026, 4, 1))
    assert [(each.until[:10], each.state) for each in found] == [
        ("2026-03-31", "passed"),
        ("2026-04-01", "soon"),
        ("2026-06-30", "soon"),
        ("2026-07-01", "later"),
        ("2027-01-01", "later"),
        ("for ever", "unclear"),
    ]


def test_a_time_is_written_for_people() -> None:
    assert day("2026-11-22T05:24:00+00:00") == "22 November 2026 at 05:24 UTC"
