from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from ingot.train.cadence import SHORTEST_SECONDS, seconds_between_saves


@given(st.floats(0.001, 600), st.floats(60, 1e7), st.integers(1, 1000))
def test_no_other_pause_loses_less(cost: float, trained: float, starts: int) -> None:
    """What is lost a second: saves, and on average half a pause at every stop."""
    between_stops = trained / starts

    def lost(pause: float) -> float:
        return cost / pause + pause / 2 / between_stops

    chosen = seconds_between_saves(cost, trained, starts)
    if chosen > SHORTEST_SECONDS:
        assert all(lost(chosen) <= lost(chosen * factor) * (1 + 1e-9) for factor in (0.5, 0.9, 1.1, 2))
        assert math.isclose(lost(chosen), math.sqrt(2 * cost / between_stops), rel_tol=1e-9)


def test_a_training_that_has_just_begun_saves_soon() -> None:
    assert seconds_between_saves(0.0, 0.0, 1) == SHORTEST_SECONDS
