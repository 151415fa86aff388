from __future__ import annotations

import pytest
import torch

from ingot.train.config import Shape
from ingot.train.schedule import momentum_at, rate_at


def test_it_climbs_stays_and_falls() -> None:
    rates = [rate_at(step, 100, 10, 0.4) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert set(rates[10:60]) == {1.0}
    assert rates[60:] == pytest.approx([1 - step / 40 for step in range(40)])


def test_a_cosine_falls_from_the_warm_up_on_as_torchs_does() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    by_torch = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=90)
    rates = [rate_at(step, 100, 10, 0.4, "cosine") for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    for rate in rates[10:]:
        assert rate == pytest.approx(by_torch.get_last_lr()[0])
        optimizer.step()
        by_torch.step()


@pytest.mark.parametrize("shape", ["wsd", "cosine"])
@pytest.mark.parametrize(("steps", "warmup", "decay"), [(1, 0, 0.0), (1, 5, 1.0), (3, 20, 0.4), (7, 0, 1.0)])
def test_every_step_of_the_shortest_trainings_learns_something(
    steps: int, warmup: int, decay: float, shape: Shape
) -> None:
    assert all(0 < rate_at(step, steps, warmup, decay, shape) <= 1 for step in range(steps))


def test_momentum_grows_and_stays() -> None:
    assert [round(momentum_at(step), 3) for step in (0, 150, 300, 10_000)] == [0.85, 0.9, 0.95, 0.95]
