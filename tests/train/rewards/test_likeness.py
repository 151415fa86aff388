"""Nearer answers are worth more."""

from __future__ import annotations

from ingot.train.rewards.likeness import Config, reward


def test_nearer_is_worth_more() -> None:
    same, near, far, nothing = reward("", "the lift is stuck", [" the lift is stuck", "the lift", "e", "12"], Config())
    assert same == 1.0 > near > far > nothing == 0.0
