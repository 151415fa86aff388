from __future__ import annotations

import pytest

from tests.safety.detectors.found import found


@pytest.mark.parametrize(
    "date",
    [
        "2021-03-04",
        "2021-03-04T10:11:12",
        "04/03/2021",
        "4.3.2021",
        "12 March 1980",
        "March 12, 1980",
        "12. März 1980",
        "le 12 mars 1980".removeprefix("le "),
        "Monday",
    ],
)
def test_dates_are_found(date: str) -> None:
    assert found("date", f"It was {date} then.") == [("date", date)]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("born on 12 March 1980", "12 March 1980"),
        ("DOB: 03/12/1980", "03/12/1980"),
        ("geb. 01.02.1970", "01.02.1970"),
        ("née le 3 mai 1975", "3 mai 1975"),
    ],
)
def test_dates_of_birth_have_their_own_type(text: str, date: str) -> None:
    assert found("date", text) == [("date_of_birth", date)]


@pytest.mark.parametrize("text", ["type 1 may have", "1.2.3", "99/99/9999", "3.14.15", "12-34-56", "we may 3 times"])
def test_other_numbers_are_left(text: str) -> None:
    assert found("date", text) == []


def test_years_and_weekdays_can_be_left_out() -> None:
    assert found("date", "on Monday, since 1997") == [("date", "Monday"), ("date", "1997")]
    assert found("date", "on Monday, since 1997", vague=False) == []
