"""Every reward, unlisted, gives the right answer the most, one finite number an answer, and the same ones again."""

from __future__ import annotations

import dataclasses
import math

import pytest

from ingot.core.config import schema
from ingot.core.plugins import Plugin, load, names


@pytest.fixture(params=names("reward"))
def plugin(request: pytest.FixtureRequest) -> Plugin:
    return load("reward", request.param)


def test_its_settings_have_defaults_and_a_schema(plugin: Plugin) -> None:
    assert dataclasses.is_dataclass(plugin.config_type)
    assert schema(plugin.config_type)["type"] == "object"
    assert plugin.summary


def test_the_expected_answer_is_worth_the_most(plugin: Plugin) -> None:
    answers = ["42", "", "41", "\x00\ufffd", "42 " * 2000 + "7", "forty", "-42", "4" * 5000]
    rewards = plugin.entry("What is 12 + 30?", "42", answers, plugin.config_type())
    assert len(rewards) == len(answers)
    assert all(isinstance(reward, float) and math.isfinite(reward) for reward in rewards)
    assert all(rewards[0] > other for other in rewards[1:])
    assert plugin.entry("What is 12 + 30?", "42", answers, plugin.config_type()) == rewards
