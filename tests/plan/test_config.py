from __future__ import annotations

import pytest

from ingot.core.config import literals, load
from ingot.core.errors import InputError, UsageError
from ingot.plan.config import LARGEST_VOCABULARY, PlanConfig, check
from ingot.tokenizer.config import Config as TokenizerConfig
from ingot.tokenizer.vocabulary import SMALLEST


def test_a_plan_config_survives_being_written_as_literals() -> None:
    config = PlanConfig(train_bytes=5, tokens=7, layout="mistral")
    assert load(PlanConfig, literals(config), "here") == config


@pytest.mark.parametrize("budget", [{"seconds": -1.0}, {"steps": -5}, {"tokens": -1}])
def test_a_negative_budget_is_refused(budget: dict[str, float]) -> None:
    with pytest.raises(InputError, match="negative"):
        check(PlanConfig(**budget))


def test_a_width_heads_cannot_fill_is_refused() -> None:
    with pytest.raises(UsageError, match="width of 100"):
        check(PlanConfig(steps=1, width=100))


@pytest.mark.parametrize("size", [SMALLEST, 5056, LARGEST_VOCABULARY])
def test_a_vocabulary_that_the_tokenizer_can_learn_passes(size: int) -> None:
    check(PlanConfig(steps=1, vocabulary=size))
    assert TokenizerConfig(vocabulary=size).vocabulary == size


@pytest.mark.parametrize(
    ("size", "nearest"),
    [
        *((size, SMALLEST) for size in (-64, 1, 64, SMALLEST - 64, 330)),
        (360, 384),
        *((size, LARGEST_VOCABULARY) for size in (LARGEST_VOCABULARY + 64, 10**12)),
    ],
)
def test_any_other_is_answered_with_the_nearest_that_passes(size: int, nearest: int) -> None:
    with pytest.raises(UsageError, match=f"a vocabulary of {size}") as caught:
        check(PlanConfig(steps=1, vocabulary=size))
    assert caught.value.fix == f"--vocabulary {nearest}"
    check(PlanConfig(steps=1, vocabulary=nearest))
