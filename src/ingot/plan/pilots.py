"""Which pilot runs to make before a long run, so that its end can be forecast for at most a tenth of its price.

A pilot is the same training, only shorter: the same model, rows, rate and shards, and its own climb and fall of the
rate, because only what has fallen compares with a finished run. The lengths lie far apart: how steep the figure falls
is seen best between runs of which one is several times as long as the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig

# Of the run's steps. With the start of each and its looks at held-out text they cost less than a tenth of it. Two far
# apart say more than three close together.
SHARES = (1 / 64, 1 / 16)
# Shorter trainings follow no law: the climb of the rate is most of them, and many tokens were hardly met. A pilot of 6
# tokens for each entry of the vocabulary foretold 2.92 bits per byte where 2.37 came, one of 32 was within a per cent.
FEWEST_STEPS, FEWEST_TOKENS_PER_ENTRY = 24, 30
# Of a pilot's steps: it is looked at before its rate falls, and at its end.
_LOOK_AT = 0.6


@dataclass(frozen=True)
class PilotsConfig:
    """The run to forecast."""

    model: ModelConfig
    steps: int
    batch_size: int
    sequence_length: int
    warmup_steps: int


@dataclass(frozen=True)
class PilotRun:
    """What is another in a pilot than in the run itself."""

    steps: int
    warmup_steps: int
    evaluate_every: int


def choose(config: PilotsConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Return the settings of each pilot as facts `pilot_1`, `pilot_2`, ..., and the share of the run they cost."""
    tokens = config.batch_size * config.sequence_length
    runs = pilot_runs(config.steps, config.warmup_steps, tokens, config.model.vocabulary)
    share = sum(run.steps for run in runs) / config.steps
    facts: dict[str, Any] = {f"pilot_{place}": asdict(run) for place, run in enumerate(runs, 1)}
    lengths = ", ".join(str(run.steps) for run in runs)
    told = (
        f"{len(runs)} pilot runs of {lengths} steps, {share:.0%} of the {config.steps:,} to come, say how they will end"
    )
    context.emit("note", text=told)
    facts |= {"share": round(share, 4), "sentences": [f"{told}."]}
    write_atomically(context.folder / "pilots.json", json.dumps(facts, indent=1) + "\n")
    return facts


def pilot_runs(steps: int, warmup_steps: int, tokens: int, vocabulary: int) -> list[PilotRun]:
    """Return the pilots of a run whose steps read so many tokens, shortest first.

    Raises InputError when it is too short to have any.
    """
    lengths = [round(steps * share) for share in SHARES]
    fewest = max(FEWEST_STEPS, -(-vocabulary * FEWEST_TOKENS_PER_ENTRY // tokens))
    if lengths[0] < fewest:
        raise InputError(
            f"a run of {steps:,} steps is too short to be forecast by pilots",
            where="forecast",
            why=f"the shortest pilot would have {lengths[0]} steps; with fewer than {fewest} it has hardly met each of "
            f"{vocabulary:,} tokens",
            fix=f"train without a forecast, or for at least {round(fewest / SHARES[0]):,} steps",
        )
    return [PilotRun(length, min(warmup_steps, length // 5), max(round(length * _LOOK_AT), 1)) for length in lengths]
