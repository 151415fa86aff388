"""What answers are worth: the reward a training names, its options, and what is wrong with the numbers it gives.

A reward is a plug-in by its name, or a file of the user's own by its path (`./rewards/units.py`): one function that is
given a prompt, what is expected, and all answers of a group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ingot.core import plugins
from ingot.core.config import load
from ingot.core.errors import InputError

Reward = Callable[[str, str, Sequence[str]], list[float]]


def open_reward(name: str, options: Mapping[str, Any]) -> Reward:
    """Return a reward with its options filled in. Raises UsageError when there is none, or for wrong options."""
    is_file = name.endswith(".py")
    plugin = plugins.load_file("reward", Path(name)) if is_file else plugins.load("reward", name)
    config = load(plugin.config_type, options, f"options of reward {name!r}")
    return partial(_judged, plugin, config)


def _judged(plugin: plugins.Plugin, config: object, prompt: str, expected: str, answers: Sequence[str]) -> list[float]:
    """Return the rewards of a group. Raises InputError for one that is no number, or for another number of them."""
    rewards = [float(reward) for reward in plugin.entry(prompt, expected, answers, config)]
    if len(rewards) != len(answers):
        raise InputError(
            f"the reward {plugin.name!r} gave {len(rewards)} numbers for {len(answers)} answers",
            where=f"prompt {prompt!r}",
            fix="return one number for every answer, in their order",
        )
    for reward, answer in zip(rewards, answers, strict=True):
        if not math.isfinite(reward):
            raise InputError(
                f"the reward {plugin.name!r} gave {reward} for an answer",
                where=f"prompt {prompt!r}, expected {expected!r}, answer {answer!r}",
                why="nothing can be learned from it, and one such number would spoil every weight",
                fix="return a finite number for every answer, 0.0 for one that cannot be judged; then run it again",
            )
    return rewards
