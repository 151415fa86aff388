from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import StepError, UsageError
from ingot.flow.home import Home
from ingot.flow.runs import list_runs
from ingot.flow.step import Partial, Step
from ingot.train import trainer
from ingot.train.config import PretrainConfig
from ingot.train.search import FELL_APART, Range, SearchConfig, search
from tests.train.search_for_tests import BEST_RATE, UNLUCKY_RATE, NothingConfig
from tests.train.small import MODEL

HERE = "tests.train.search_for_tests"
RATES = {"learning_rate": Range(2.5e-4, 6.4e-2, is_logarithmic=True)}
CONFIG = SearchConfig("acme-search", RATES, trials=6, shares=(0.5, 1.0))


def recipe() -> list[Step]:
    shards = Step("shards", "acme-shards", "Shards", f"{HERE}:corpus", NothingConfig())
    fixed: dict[str, Any] = {"model": vars(MODEL), "learning_rate": 0.1}
    planned = {"steps": shards.field("steps")}
    config = Partial(PretrainConfig, fixed)
    checkpoint = Step(
        "checkpoint", "acme-checkpoint", "Checkpoint", f"{HERE}:bowl", config, {"shards": shards}, fields=planned
    )
    return [shards, checkpoint]


def test_a_search_finds_the_rate_ends_bad_trials_early_and_goes_on_where_it_was(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    killed = replace(CONFIG, name="acme-search", trials=3)
    search(killed, recipe(), home)
    before = {made.reference for made in home.versions("acme-search-trial")}
    found = search(CONFIG, recipe(), home)
    rows = found.facts["trials"]
    # The first trials are those of the search before, and were not made again.
    assert before <= {row["artifact"] for row in rows}
    assert len(home.versions("acme-search-trial")) == len(rows)
    best = found.facts["best"]["learning_rate"]
    assert BEST_RATE / 3 < best < BEST_RATE * 3
    assert found.facts["bits_per_byte"] == min(row["bits_per_byte"] for row in rows)
    full = {row["trial"] for row in rows if row["steps"] == 100}
    assert 4 <= len(full) < len({row["trial"] for row in rows}) == 6
    # Lineage: from the search to its trials, and from each to what it read.
    assert set(found.record.inputs.values()) == {row["artifact"] for row in rows}
    assert home.get(rows[0]["artifact"]).record.inputs == {"shards": "acme-shards@1"}
    runs = len(list_runs(home))
    assert search(CONFIG, recipe(), home).reference == found.reference
    assert len(list_runs(home)) > runs  # looked up, step by step, and nothing was made


def test_a_trial_that_falls_apart_is_no_end_and_all_of_them_are(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    one_good = SearchConfig("a", {"learning_rate": Range(choices=(0.004, 0.9))}, trials=3, shares=(1.0,))
    assert search(one_good, recipe(), home).facts["best"] == {"learning_rate": 0.004}


def test_a_fault_that_says_nothing_about_settings_ends_the_search(tmp_path: Path) -> None:
    unlucky = SearchConfig("a", {"learning_rate": Range(choices=(UNLUCKY_RATE,))}, trials=1, shares=(1.0,))
    with pytest.raises(StepError, match="on fire"):
        search(unlucky, recipe(), Home(tmp_path / "home"))


def test_the_trainer_tells_it_in_these_words() -> None:
    assert FELL_APART in inspect.getsource(trainer)


def test_a_narrow_stand_in_is_searched_for_a_wide_model(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    found = search(replace(CONFIG, trials=1, shares=(1.0,), width=16), recipe(), home)
    model = home.get(found.facts["trials"][0]["artifact"]).record.config["model"]
    assert (model["width"], model["heads"], model["kv_heads"], model["ffn_width"]) == (16, 1, 1, 32)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"step": "chekpoint"}, "no training step 'chekpoint'"),
        ({"space": {"learning_rat": RATES["learning_rate"]}}, "no setting 'learning_rat'"),
        ({"space": {}}, "nothing to search"),
        ({"shares": (1.0, 0.5)}, "shares must grow"),
        ({"width": 24}, "a width of 24 does not fit"),
        ({"space": {"optimizer": Range(choices=("sgd",))}}, "optimizer"),
    ],
)
def test_a_search_that_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        search(replace(CONFIG, **changes), recipe(), Home(tmp_path / "home"))
    assert raised.value.fix


@pytest.mark.parametrize("limits", [{}, {"low": 2.0, "high": 1.0}, {"high": 1.0, "is_logarithmic": True}])
def test_a_range_that_holds_nothing_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Range(**limits)
