"""The step that makes shards of prompts for a reward, once the reward has judged some answers to each of them.

A reward that raises, or gives what is no number, would end a training hours later. So each line is judged before
anything is trained: the expected answer, and a few that a model may well give. A line that the reward cannot judge is
no prompt for it: it is left out with its place and reason, or ends the step, as all bad lines do (data/prompts). What
gives one number to everything teaches nothing; that is told, or refused. The reward is kept beside the shards with its
options (train/judging), and a source `reward`, a file of the user's own, with its text: another text is another reward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError, UsageError
from ingot.core.plugins import load as load_plugin
from ingot.core.storage import fsync_tree
from ingot.data.prompts import Config as PromptsConfig
from ingot.data.prompts import write_prompts
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot
from ingot.flow.step import Facts, StepContext
from ingot.train.judging import Reward, keep_reward

CODE = "reward"  # the source with a file of the user's own
# What a model may well say, beside what is expected.
TRIED = ("", "0", "yes", "I do not know.", "{}")


@dataclass(frozen=True)
class Config(PromptsConfig):
    """As of all shards of prompts, and the reward they are for: a plug-in, or none where a source `reward` has one."""

    reward: str = ""
    reward_options: Mapping[str, Any] = field(default_factory=dict)


def tokenize(config: Config, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write the prompts of the sources as shards of the `tokenizer`, with the reward beside them.

    Raises InputError when there is none that the reward can judge, or for the first bad line where those are refused.
    """
    sources = {name: snapshot for name, snapshot in context.sources.items() if name != CODE}
    trial = _Trial(keep_reward(context.folder, *_reward(config, context)))
    facts = write_prompts(config, inputs["tokenizer"], sources, context, trial)
    fsync_tree(context.folder)
    if not trial.differing:
        if config.bad_rows == "refuse":
            raise trial.nothing_to_learn()
        context.emit("warning", text=f"{trial.nothing_to_learn().what}; a training by it may learn nothing")
    return {**facts, "telling_prompts": trial.differing}


class _Trial:
    """Judges answers to one prompt after the other, and counts those whose answers were not all worth the same."""

    def __init__(self, reward: Reward) -> None:
        self._reward = reward
        self._first: tuple[str, str, str, float] | None = None
        self.differing = 0

    def __call__(self, where: str, prompt: str, expected: str) -> None:
        rewards = self._reward(prompt, expected, [expected, *TRIED])
        self._first = self._first or (where, prompt, expected, rewards[0])
        self.differing += min(rewards) != max(rewards)

    def nothing_to_learn(self) -> InputError:
        """Return what there is to say about a reward that tells no answers apart."""
        assert self._first is not None, "some prompt was judged"
        where, prompt, expected, worth = self._first
        return InputError(
            f"the reward gave every answer it was tried with the same, those to the prompt at {where} {worth:g}",
            where=f"{where}: prompt {prompt!r}, answers {expected!r} and {', '.join(map(repr, TRIED))}",
            why="only differences between answers to a prompt are learned",
            fix="look at the options of the reward and at what is expected; with bad_rows leave_out it is only told",
        )


def _reward(config: Config, context: StepContext) -> tuple[str, Mapping[str, Any], bytes]:
    """Return the name of the reward, its options, and the text of the user's own."""
    if (CODE in context.sources) == bool(config.reward):
        what = "prompts are tried with one reward"
        fix = "name it under `reward`, or give the file with yours as the source `reward`"
        raise UsageError(what, where="prompts, reward", fix=fix)
    if config.reward:
        return config.reward, config.reward_options, b""
    name, code = _read(context.sources[CODE])
    return name, config.reward_options, code


def _read(snapshot: Snapshot) -> tuple[str, bytes]:
    """Return the name of the one file, and what is in it."""
    paths = [item.uri for item in snapshot.items]
    if len(paths) != 1 or not paths[0].endswith(".py"):
        what = f"the source {CODE!r} is not one Python file, but {', '.join(paths)}"
        raise UsageError(what, where="prompts, reward", fix="name the file with your reward")
    # A plug-in is loaded by its name, so its class is known at run time only.
    with load_plugin("connector", snapshot.connector).entry.open(snapshot.items[0]) as file:  # type: ignore[attr-defined]
        return Path(paths[0]).name, file.read()
