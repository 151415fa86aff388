"""What the plans of trainings that go on from a model have in common: what may be chosen, what the trainer takes.

Such a training reads its examples as rows in steps; the rate climbs for a tenth of the steps. Arithmetic only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ingot.core.config import literals
from ingot.core.errors import UsageError
from ingot.core.storage import write_atomically
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.plan.schedule import BASE_WIDTH


def check_chosen(where: str, rate_factor: float, **counts: int) -> None:
    """Raise UsageError for what no plan can be made with; `counts` are numbers of which 0 means: choose for me."""
    if rate_factor <= 0 or min(counts.values()) < 0:
        several = " and ".join(counts)
        fix = f"give a rate_factor above 0, and {several} of at least 1, or 0 to have them chosen"
        raise UsageError("this plan cannot be made", where=where, fix=fix)


def tell(facts: Mapping[str, Any], context: StepContext) -> Facts:
    """Say a plan's sentences, write it down, and return it."""
    for sentence in facts["sentences"]:
        context.emit("note", text=sentence)
    write_atomically(context.folder / "plan.json", json.dumps(facts, indent=1) + "\n")
    return facts


def training_facts(model: ModelConfig, steps: int, rows: int, row_tokens: int, rate: float) -> dict[str, Any]:
    """Return what the training takes from its plan, as JSON literals."""
    return {
        "model": literals(model),
        "steps": steps,
        "batch_size": rows,
        "sequence_length": row_tokens,
        "learning_rate": rate,
        "base_width": BASE_WIDTH,
        "warmup_steps": steps // 10,
        "checkpoint_every": max(steps // 10, 1),
        "evaluate_every": max(steps // 10, 1),
    }


def told_rate(rate: float) -> str:
    """Say how the rate goes."""
    return f"The learning rate climbs to {rate:g} and falls to nothing."


def told_often(times: int) -> str:
    """Say how often something is read."""
    return "once" if times == 1 else f"{times} times"
