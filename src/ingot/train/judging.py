"""What answers are worth: the reward a training names, its options, and what is wrong with the numbers it gives.

A reward is a plug-in by its name, or a file of the user's own by its path (`./rewards/units.py`): one function that is
given a prompt, what is expected, and all answers of a group. A reward that prompts were tried with (train/trying) is
kept beside them, its options and a file of the user's own included, so that training and evaluation judge by the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ingot.core import plugins
from ingot.core.config import load
from ingot.core.errors import IngotError, InputError
from ingot.core.storage import write_atomically

Reward = Callable[[str, str, Sequence[str]], list[float]]
KEPT = "reward.json"


def open_reward(name: str, options: Mapping[str, Any]) -> Reward:
    """Return a reward with its options filled in. Raises UsageError when there is none, or for wrong options."""
    is_file = name.endswith(".py")
    plugin = plugins.load_file("reward", Path(name)) if is_file else plugins.load("reward", name)
    config = load(plugin.config_type, options, f"options of reward {name!r}")
    return partial(_judged, plugin, config)


def keep_reward(folder: Path, name: str, options: Mapping[str, Any], code: bytes = b"") -> Reward:
    """Write down a reward beside the prompts in `folder`; return it opened.

    With `code` it is a file of the user's own, and `name` what that is called.
    """
    if code:
        write_atomically(folder / name, code)
    write_atomically(folder / KEPT, json.dumps({"reward": name, "options": options, "is_file": bool(code)}) + "\n")
    return kept_reward(folder)


def kept_reward(folder: Path) -> Reward:
    """Return the reward that is kept beside prompts. Raises InputError where there is none."""
    try:
        written: dict[str, Any] = json.loads((folder / KEPT).read_text(encoding="utf-8"))
        name, options = str(written["reward"]), written["options"]
        path = folder / name if written["is_file"] else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "these prompts have no reward beside them",
            where=str(folder),
            why=f"{KEPT} cannot be read ({type(error).__name__})",
            fix="make them with the step ingot.train.trying:tokenize, or name a reward",
        ) from error
    return open_reward(str(path or name), options)


def _judged(plugin: plugins.Plugin, config: object, prompt: str, expected: str, answers: Sequence[str]) -> list[float]:
    """Return the rewards of a group. Raises InputError for one that is no number, or for another number of them."""
    rewards = _numbers(plugin, config, prompt, expected, answers)
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


def _numbers(plugin: plugins.Plugin, config: object, prompt: str, expected: str, answers: Sequence[str]) -> list[float]:
    try:
        return [float(reward) for reward in plugin.entry(prompt, expected, answers, config)]
    except IngotError:
        raise
    except Exception as error:  # whatever a file of the user's own may raise
        raise InputError(
            f"the reward {plugin.name!r} cannot judge: {type(error).__name__}: {error}",
            where=f"prompt {prompt!r}, expected {expected!r}",
            fix="mend the reward, or the prompt, so that every answer gets a number",
        ) from error
