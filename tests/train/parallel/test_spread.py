"""Two processes, every way to divide a model: the losses of one, and a state that any number of processes continues."""

from __future__ import annotations

import pytest

from benchmarks.train_parallel import DENSE, LARGE, PLANS, equality, laid_out, resharding
from ingot.plan.parallel import ParallelPlan


@pytest.mark.slow
def test_losses_are_those_of_one_process() -> None:
    found = equality(6, is_quick=True)
    assert set(found) == set(PLANS)
    assert max(found.values()) <= 1e-5


@pytest.mark.slow
def test_a_state_of_two_goes_on_as_one_and_as_four() -> None:
    found = resharding(DENSE, [ParallelPlan(pipeline=2), ParallelPlan(), ParallelPlan(shard=2, tensor=2)])
    assert found["states_equal"]
    assert found["largest_difference"] <= 1e-5


@pytest.mark.slow
def test_a_large_mixture_is_dealt_evenly_among_ranks_that_do_not_exist() -> None:
    found = laid_out(ParallelPlan(shard=256, expert=128, tensor=4), 0)
    assert LARGE.parameters > 390e9
    assert found["over"] < 0.05
