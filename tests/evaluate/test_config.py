from __future__ import annotations

from ingot.core.config import literals, load
from ingot.evaluate.config import EvaluateConfig


def test_an_evaluation_is_described_by_literals_alone() -> None:
    config = EvaluateConfig(samples=5)
    assert load(EvaluateConfig, literals(config), "here") == config
