from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import KilledError, StepError
from ingot.flow.artifact import Artifact
from ingot.plan.prediction import FIGURE, Expected
from ingot.train.course import LEFT, StopRule, rule_of
from ingot.train.journal import read_curve
from ingot.train.run import CHECKPOINTS, CURVE, train
from tests.train.small import Told, artifact, context, settings

COURSE = {step: Expected(step, step * 10, 2.0, 1.9, 2.1) for step in range(10, 101, 10)}


def rule(folder: Path, told: Told | None = None) -> StopRule:
    return StopRule(COURSE, folder, told or Told())


def test_two_looks_in_a_row_above_the_band_are_enough_and_one_is_not(tmp_path: Path) -> None:
    watched = rule(tmp_path)
    for step, value in ((20, 2.5), (30, 2.0), (40, 2.5)):
        watched.compare(step, value)
        assert watched.reason is None
    watched.compare(50, 2.5)
    assert watched.reason is not None
    assert "2.500 bits per byte at step 50, where 1.900 to 2.100 were forecast" in str(watched.reason)
    assert "run the same command again" in watched.reason.fix


def test_the_beginning_the_end_and_steps_nobody_foresaw_do_not_count(tmp_path: Path) -> None:
    watched = StopRule(dict.fromkeys((1, 2, 3, 99, 100), COURSE[100]), tmp_path, Told())
    for step in (1, 2, 3, 50, 51, 100):
        watched.compare(step, 9.9)
    assert watched.reason is None


def test_better_than_forecast_is_only_told(tmp_path: Path) -> None:
    told = Told()
    watched = rule(tmp_path, told)
    for step in (20, 30, 40):
        watched.compare(step, 1.0)
    assert watched.reason is None
    assert "better than forecast: 1.000" in told.of("note")[0]["text"]


def test_who_goes_on_anyway_is_warned_and_not_stopped_again(tmp_path: Path) -> None:
    first, told = rule(tmp_path), Told()
    for step in (20, 30):
        first.compare(step, 2.5)
    again = rule(tmp_path, told)
    for step in (40, 50):
        again.compare(step, 2.5)
    assert again.reason is None
    assert "still worse than forecast" in told.of("warning")[0]["text"]


def test_a_training_that_was_asked_to_stop_by_others_says_so(tmp_path: Path) -> None:
    watched = rule(tmp_path)
    assert watched.or_asked(lambda: True)()
    assert not watched.or_asked(lambda: False)()
    with pytest.raises(KilledError), watched.in_words():
        raise KilledError("asked")


def test_a_training_without_a_forecast_has_a_rule_that_says_nothing(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    assert FIGURE in rule_of(inputs, context(tmp_path)).watching(lambda *_: {FIGURE: 9.0})(None, 50)
    assert rule_of(inputs, context(tmp_path)).reason is None


def hook(*_: Any) -> dict[str, float]:
    """Stands for the held-out figure: it never falls."""
    return {FIGURE: 5.0}


def test_a_training_that_leaves_its_band_is_saved_ended_and_can_go_on(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    config = settings(evaluate_every=2, hooks=(f"{__name__}:hook",))
    course = [vars(Expected(step, step * 128, 3.0, 2.9, 3.1)) for step in range(2, 13, 2)]
    made = artifact("forecast", tmp_path)
    made.record.facts["course"] = course  # type: ignore[index]  # a dict, as JSON gave it
    both, folder = {**inputs, "forecast": made}, tmp_path / "training"
    with pytest.raises(StepError, match="worse than its forecast") as raised:
        train(config, both, context(folder))
    assert not isinstance(raised.value, KilledError)  # which would be tried again unasked
    assert [line["step"] for line in read_curve(folder / CURVE)] == [1, 2, 3, 4]
    assert (folder / LEFT).exists()
    assert list((folder / CHECKPOINTS).glob("step-*"))
    told = Told()
    assert train(config, both, context(folder, told))["steps"] == 12
    assert "going on from step 4" in told.of("note")[0]["text"]
    assert "still worse than forecast" in told.of("warning")[0]["text"]
