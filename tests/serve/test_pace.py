from __future__ import annotations

from ingot.serve.pace import LONGEST_SECONDS, UNKNOWN_SECONDS, Pace


def test_before_the_first_answer_nobody_knows() -> None:
    assert Pace().wait(100, 4) == UNKNOWN_SECONDS


def test_it_is_the_time_that_those_before_take() -> None:
    pace = Pace()
    for _ in range(3):
        pace.note(2.0)
    assert pace.wait(before=12, at_once=4) == 6
    assert pace.wait(before=1, at_once=4) == 1  # a fraction of a second is told as one
    assert pace.wait(before=1000, at_once=4) == LONGEST_SECONDS


def test_it_follows_the_answers() -> None:
    pace = Pace()
    pace.note(30.0)
    for _ in range(60):
        pace.note(0.5)
    assert pace.wait(before=8, at_once=8) == 1
