"""The plan step: the probe's numbers and a budget in, a plan artifact out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ingot.core.allowance import Prices
from ingot.core.config import literals
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.plan.budget import choose
from ingot.plan.candidate import Candidate
from ingot.plan.config import PlanConfig
from ingot.plan.disk import build_bytes
from ingot.plan.explain import sentences, spending_sentence
from ingot.plan.forecast import bytes_per_token
from ingot.plan.here import Here, probed
from ingot.plan.paying import costs, in_seconds
from ingot.plan.stages import other_seconds

# Tokens beyond the ones training needs, so that a slightly different tokenizer still fills every step.
SPARE_TOKENS = 1.05


def plan(config: PlanConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Choose the model and the schedule; a pure function of the config and the probe's facts."""
    probe = inputs["probe"].facts
    facts = plan_facts(config, probed(probe, int(probe.get("cores", context.cores))))
    for sentence in facts["sentences"]:
        context.emit("note", text=sentence)
    write_atomically(context.folder / "plan.json", json.dumps(facts, indent=1) + "\n")
    return facts


def plan_facts(config: PlanConfig, machine: Here) -> dict[str, Any]:
    """Return everything the later steps and a reader need to know, as JSON literals."""
    chosen, throughput = choose(config, machine.throughput, machine.cores, machine), machine.throughput
    prices = Prices(config.price_per_hour, config.price_per_kwh)
    config = in_seconds(config, machine.power)
    others = other_seconds(config.train_bytes, config.held_out_bytes, machine.cores)
    stages = {**others, "checkpoint": chosen.training_seconds}
    rounded = {name: round(seconds, 1) for name, seconds in stages.items()}
    spending = costs(sum(stages.values()), throughput.band, machine.power, prices)
    told = sentences(config, chosen, sum(others.values()), throughput.is_measured)
    return {
        **_training(chosen, config),
        "bytes_per_token": "measured" if config.bytes_per_token_by_vocabulary else "estimated",
        "parameters": chosen.model.parameters,
        "readings": round(chosen.readings, 3),
        "tokens_per_second": round(chosen.tokens_per_second, 1),
        "throughput": "measured" if throughput.is_measured else "estimated",
        "training_seconds": rounded["checkpoint"],
        "stage_seconds": rounded,
        "expected_seconds": round(sum(stages.values()), 1),
        "forecast_bits_per_byte": round(chosen.forecast.bits_per_byte, 3),
        "forecast_band": [round(chosen.forecast.low, 3), round(chosen.forecast.high, 3)],
        "memory_bytes": machine.memory(chosen).peak,
        **spending,
        "disk_bytes": build_bytes(config.train_bytes + config.held_out_bytes, chosen.model.parameters),
        "sentences": [*told, spending_sentence(spending)],
    }


def _training(chosen: Candidate, config: PlanConfig) -> dict[str, Any]:
    """What the tokenizer, the shards and the trainer take from the plan."""
    tokens = chosen.schedule.tokens
    return {
        "vocabulary": chosen.model.vocabulary,
        "model": literals(chosen.model),
        **asdict(chosen.schedule),
        "tokens": tokens,
        "shard_tokens": int(tokens * SPARE_TOKENS) + chosen.schedule.sequence_length,
        "layer_parameters": chosen.model.matmul_parameters - chosen.model.vocabulary * chosen.model.width,
        "train_bytes_per_token": bytes_per_token(chosen.model.vocabulary, config.bytes_per_token_by_vocabulary),
    }
