"""How fast this machine trains a model of a given size: measured at a few sizes, interpolated between them.

A probe trains each of a few sizes for a moment. Seconds per token grow with floating-point operations per token, but
not in proportion: a small model leaves the machine waiting for memory and for Python. Between measured sizes the rate
is interpolated in logarithms; below the smallest the trend goes on, and beyond the largest the time is in proportion.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from ingot.core.errors import InputError
from ingot.model.config import ModelConfig

# Estimate used before anything is measured: one core of a 2023 server, in training, eager, bf16 where it has it.
FLOPS_PER_CORE_BF16 = 60e9
FLOPS_PER_CORE_FP32 = 30e9
# A token costs at least this much on a core however small the model: kernel starts, norms, the optimiser.
SMALLEST_SECONDS_PER_TOKEN_ON_A_CORE = 60e-6
# How far off a time may be that was told from measurements or from the core count, as a factor.
MEASURED_BAND, ESTIMATED_BAND = 1.25, 2.0
# Tokens in a row while the probe trains. Operations per token grow with it: those of two sizes compare at one length.
PROBED_LENGTH, PROBED_ROWS = 512, 4
# Muon's Newton-Schulz steps; and what a parameter's update costs beside them, in operations of a matrix product of the
# same time (some forty bytes are read and written): a judgement.
_MUON_STEPS, _UPDATE_OPERATIONS = 5, 200


@dataclass(frozen=True)
class Measurement:
    """One measured size: training FLOPs of a token, and tokens per second."""

    flops_per_token: float
    tokens_per_second: float


@dataclass(frozen=True)
class Throughput:
    """Measurements ordered by size; `is_measured` is false when they were derived from the core count alone."""

    measurements: tuple[Measurement, ...]
    is_measured: bool

    @property
    def band(self) -> float:
        """How far off a time may be, as a factor."""
        return MEASURED_BAND if self.is_measured else ESTIMATED_BAND

    def of_model(self, model: ModelConfig, tokens_per_step: int = PROBED_LENGTH * PROBED_ROWS) -> float:
        """Return the tokens per second to expect of a model; the update of a step is shared by its tokens."""
        return self.tokens_per_second(_operations(model, PROBED_LENGTH, tokens_per_step))

    def tokens_per_second(self, flops_per_token: float) -> float:
        """Return the tokens per second to expect at this size."""
        costs = [point.flops_per_token for point in self.measurements]
        place = bisect_left(costs, flops_per_token)
        if place == len(costs):
            largest = self.measurements[-1]
            return largest.tokens_per_second * largest.flops_per_token / flops_per_token
        if len(costs) == 1:
            return self.measurements[0].tokens_per_second
        below, above = self.measurements[max(place, 1) - 1 : max(place, 1) + 1]
        # A cheaper token can at best be proportionally faster.
        slope = max(math.log(above.tokens_per_second / below.tokens_per_second) / _log_ratio(above, below), -1.0)
        return float(below.tokens_per_second * (flops_per_token / below.flops_per_token) ** slope)


def _log_ratio(above: Measurement, below: Measurement) -> float:
    return math.log(above.flops_per_token / below.flops_per_token)


def from_probe(facts: Mapping[str, Any]) -> Throughput:
    """Read the probe's facts. Raises InputError when it measured nothing."""
    points = {_flops(size): float(size["tokens_per_second"]) for size in facts.get("sizes", ())}
    measured = tuple(Measurement(flops, rate) for flops, rate in sorted(points.items()) if rate > 0)
    if not measured:
        raise InputError(
            "the probe measured no throughput",
            where="probe.json",
            why="without it there is no telling what fits into the budget",
            fix="build again with --replan, or give --steps instead of --time",
        )
    return Throughput(_without_dips(measured), is_measured=True)


def estimated(cores: int, has_bf16: bool) -> Throughput:
    """Return a guess from the number of cores, for a preview before anything is measured."""
    speed = cores * (FLOPS_PER_CORE_BF16 if has_bf16 else FLOPS_PER_CORE_FP32)
    cheapest = speed * SMALLEST_SECONDS_PER_TOKEN_ON_A_CORE / cores
    return Throughput((Measurement(cheapest, speed / cheapest),), is_measured=False)


def _flops(size: Mapping[str, Any]) -> float:
    names = {field.name for field in fields(ModelConfig)}
    model = ModelConfig(**{name: value for name, value in size["model"].items() if name in names})
    length = int(size.get("sequence_length", PROBED_LENGTH))
    return _operations(model, length, length * int(size.get("batch_size", PROBED_ROWS)))


def _operations(model: ModelConfig, length: int, tokens_per_step: int) -> float:
    """Return the operations of a token, its share of the step's update included."""
    return model.flops_per_token(length) + update_operations(model) / tokens_per_step


def update_operations(model: ModelConfig) -> float:
    """Return the operations of one update with Muon: per matrix and Newton-Schulz step two products and a square.

    For m x n with m the shorter side: 4 m m n + 2 m m m. In a small model with small batches that is a third of all.
    """
    queries, keys = model.heads * model.head_width, model.kv_heads * model.head_width
    attention = 2 * _orthogonal(queries, model.width) + 2 * _orthogonal(keys, model.width)
    dense = 3 * _orthogonal(model.ffn_width, model.width)
    mixture = 3 * model.experts * _orthogonal(model.expert_ffn_width, model.width) if model.experts else 0.0
    layers = model.layers * attention + (model.layers - model.moe_layers) * dense + model.moe_layers * mixture
    return _MUON_STEPS * layers + _UPDATE_OPERATIONS * model.parameters


def _orthogonal(rows: int, columns: int) -> float:
    short, long = min(rows, columns), max(rows, columns)
    return 4.0 * short * short * long + 2.0 * short**3


def _without_dips(points: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """Take out noise that would make a larger model look faster: a size is at most as fast as every smaller one."""
    fastest, kept = math.inf, []
    for point in points:
        fastest = min(fastest, point.tokens_per_second)
        kept.append(Measurement(point.flops_per_token, fastest))
    return tuple(kept)
