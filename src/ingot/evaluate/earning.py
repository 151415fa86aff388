"""What the answers of a model earn after a training by rewards, and what they earned before: figures with intervals.

Read is what the step `ingot.train.earning:answer` wrote: both models' answers to the prompts kept aside, and what the
reward gave for each. A reward of right and wrong gets Wilson's interval, any other a bootstrap over prompts; whether
the two models differ is tested on the same prompts (evaluate/paired).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ingot.core.storage import write_atomically
from ingot.evaluate.config import PreferringConfig
from ingot.evaluate.paired import Paired, bootstrap_difference, mcnemar
from ingot.evaluate.results import METRICS_FILE, RESULTS_FILE, Result, measured
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

ANSWERS_FILE = "answers.jsonl"
REWARD, BEFORE = "reward", "reward_before"
# What a report of preferences says about the same model, to stand in one report with this.
_TAKEN = ("pairs", "preference_accuracy", "preference_accuracy_interval", "preference_margin")


def report(config: PreferringConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Return the figures of the `answers`; those of an input `preferences`, another report, stand beside them."""
    text = (inputs["answers"].path / ANSWERS_FILE).read_text(encoding="utf-8")
    results = [_result(json.loads(line)) for line in text.splitlines()]
    figures = measured(results, config.resamples, config.seed)
    before = inputs.get("preferences")
    taken = {name: before.facts[name] for name in _TAKEN if name in before.facts} if before else {}
    both = {**before.facts["metrics"], **figures} if before else figures
    write_atomically(context.folder / RESULTS_FILE, "".join(result.as_line() for result in results))
    write_atomically(context.folder / METRICS_FILE, json.dumps(both, indent=1) + "\n")
    if not results:
        context.emit("warning", text="no prompt was kept aside, so nobody has measured what its answers are worth")
        return {**taken, "prompts": 0, "metrics": both}
    told = {name: figures[name]["value"] for name in (REWARD, BEFORE)}
    intervals = {f"{name}_interval": [figures[name]["low"], figures[name]["high"]] for name in (REWARD, BEFORE)}
    gained = asdict(_compared(results, config)) if len(results) > 1 else None
    return {**taken, "prompts": len(results), "metrics": both, **told, **intervals, "reward_gain": gained}


def _result(line: Mapping[str, Any]) -> Result:
    scores = {REWARD: line["after"]["reward"], BEFORE: line["before"]["reward"]}
    return Result(line["where"], "", "", line["after"]["answer"], line["expected"], scores)


def _compared(results: Sequence[Result], config: PreferringConfig) -> Paired:
    """Hold both models together: right and wrong by McNemar's test, other rewards by a bootstrap of differences."""
    before, after = ([result.scores[name] for result in results] for name in (BEFORE, REWARD))
    if all(value in (0.0, 1.0) for value in (*before, *after)):
        return mcnemar([value == 1 for value in before], [value == 1 for value in after])
    return bootstrap_difference(before, after, config.resamples, config.seed)
