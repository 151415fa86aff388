from __future__ import annotations

import pytest

from ingot.cli.show.words import as_duration, as_energy, as_number


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3661, "1 h 1 min")])
def test_durations(seconds: float, text: str) -> None:
    assert as_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (7, "7"), (0.1234, "0.123"), (9999, "9,999"), (10_000, "10 k"), (2.5e6, "2.5 M"), (7.24e9, "7.24 B")],
)
def test_numbers(value: float, text: str) -> None:
    assert as_number(value) == text


def test_energy_always_says_how_it_was_found() -> None:
    assert as_energy(3600.0, "measured") == "1 Wh (measured)"
    assert as_energy(0.0, "") == "0 Wh (estimated)"
