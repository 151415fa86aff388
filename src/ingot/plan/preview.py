"""The plan before anything has run: what `--dry-run` prints. Spends nothing, and says that it is estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingot.core.hardware import Machine
from ingot.plan.config import PlanConfig
from ingot.plan.disk import build_bytes
from ingot.plan.here import guessed, probed
from ingot.plan.run import plan_facts
from ingot.plan.scaling import VOCABULARIES, shapes
from ingot.plan.schedule import FEWEST_STEPS, batch_size, sequence_length

# Text found in a byte of source files, by and large; PDFs hold less, plain text all of it. One part in 20 is held out.
_HELD_OUT_SHARE = 0.05


def preview(source_bytes: int, budget: PlanConfig, probe: Mapping[str, Any] | None, machine: Machine) -> dict[str, Any]:
    """Return the facts a plan would have for sources of this size.

    `probe` holds an earlier probe's facts; without them the throughput is estimated from the machine's cores. Raises
    the same errors as the plan itself.
    """
    held_out = int(source_bytes * _HELD_OUT_SHARE)
    config = replace(budget, train_bytes=source_bytes - held_out, held_out_bytes=held_out)
    facts = plan_facts(config, probed(probe, machine.cores) if probe else guessed(machine))
    return {**facts, "disk_bytes": build_bytes(source_bytes, facts["parameters"]), "source_bytes": source_bytes}


def least_tokens() -> int:
    """Return the smallest budget of tokens that trains anything: the fewest steps, each of the smallest batch."""
    smallest = PlanConfig(tokens=1)
    return FEWEST_STEPS * batch_size(1, smallest) * sequence_length(1, smallest)


def least_disk_bytes(source_bytes: int, budget: PlanConfig) -> int:
    """Return the disk of a build with the smallest model it may choose: all that is known where no plan can be made."""
    model = shapes(budget)[0].model(budget.vocabulary or VOCABULARIES[0], budget.sequence_length or 1)
    return build_bytes(source_bytes, model.parameters)
