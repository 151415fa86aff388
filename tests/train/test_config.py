from __future__ import annotations

from typing import Any

import pytest

from ingot.core.config import literals, load
from ingot.core.errors import UsageError
from ingot.train.config import LADDER, AdapterConfig, GrowConfig, PretrainConfig, ProbeConfig
from tests.train.small import settings


def test_literals_bring_the_same_settings_back() -> None:
    config = settings(hooks=("ingot.evaluate.during:held_out",), objective_options={"a": 1}, adapters=AdapterConfig())
    assert load(PretrainConfig, literals(config), "here") == config
    assert load(ProbeConfig, literals(ProbeConfig()), "here") == ProbeConfig()


@pytest.mark.parametrize(
    "change",
    [{"steps": 0}, {"batch_size": 4, "accumulate": 3}, {"decay_fraction": 1.5}, {"learning_rate": 0.0}],
)
def test_a_training_that_cannot_run_is_refused_with_what_to_do(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cannot run") as raised:
        settings(**change)
    assert raised.value.fix


def test_the_probed_sizes_grow() -> None:
    operations = [model.flops_per_token(512) for model in LADDER]
    assert operations == sorted(operations)
    assert operations[-1] > 4 * operations[0]


def test_adapters_and_growth_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="rank of at least 1"):
        AdapterConfig(rank=0)
    with pytest.raises(UsageError, match="cannot be put on lm_head"):
        AdapterConfig(targets=("q_proj", "lm_head"))
    with pytest.raises(UsageError, match="cannot be put on nothing"):
        AdapterConfig(targets=())
    with pytest.raises(UsageError, match="negative"):
        GrowConfig(layers=-1)
