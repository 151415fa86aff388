"""What a training would take on machines that are not at hand, or on this one: nothing is run to find out.

    budget, machines -> a model (given by name, or the best the budget can make) -> tokens, batch, steps
                     -> how it is divided so that it fits -> time, energy and money, each with a band

The figures of GPUs are published ones and never measured here, and the band says so; this machine's are the probe's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ingot.core.allowance import Prices
from ingot.core.config import literals
from ingot.core.errors import UsageError
from ingot.model.config import ModelConfig
from ingot.plan.budget import choose
from ingot.plan.candidate import Candidate
from ingot.plan.config import PlanConfig
from ingot.plan.dividing import RECOMPUTED, Division, divide
from ingot.plan.explain import count, duration, spending_sentence
from ingot.plan.forecast import bytes_per_token, forecast
from ingot.plan.here import Here
from ingot.plan.machines import SHARE_BAND, Machines
from ingot.plan.memory import Work
from ingot.plan.parallel import ParallelPlan
from ingot.plan.paying import Power, costs, in_seconds
from ingot.plan.schedule import schedule, sequence_length

# So much text that it never runs out, and so many cores that reading it takes no time: training alone is asked about.
_TEXT_BYTES, _CORES = 10**15, 10**9
_PUBLISHED = "published figures, never measured here"


@dataclass(frozen=True)
class Place:
    """Where to train, what it is called, where its figures are from, and how far off a time may be, as a factor."""

    here: Here
    name: str
    source: str
    factor: float


def place_at(here: Here) -> Place:
    """Return the machine at hand as a place."""
    source = "measured on this machine" if here.throughput.is_measured else "estimated from this machine's cores"
    return Place(here, "this machine", source, here.throughput.band)


def place_of(machines: Machines, precision: str, model: ModelConfig | None = None) -> Place:
    """Return machines that are not at hand, as their published figures have them."""
    throughput = machines.throughput(precision, model)
    power = Power(machines.watts, "estimated")
    memory = int(machines.device.memory_bytes)
    here = Here(throughput, _CORES, power, memory, precision, machines.count, machines.per_machine, is_gpu=True)
    return Place(here, machines.name, _PUBLISHED, SHARE_BAND)


def estimate(
    budget: PlanConfig, place: Place, model: ModelConfig | None = None, given: ParallelPlan | None = None
) -> dict[str, Any]:
    """Return what a training on this budget would be and take, as JSON literals.

    Without a `model` it is the best one the budget can make. Raises InputError for what does not fit, with the nearest
    that does.
    """
    wide = replace(budget, train_bytes=budget.train_bytes or _TEXT_BYTES, held_out_bytes=1)
    here = place.here
    chosen = _given(model, wide, here) if model is not None else choose(wide, here.throughput, _CORES, here)
    planned = replace(chosen.schedule, accumulate=1, recompute=False)
    work = Work(planned.batch_size, planned.sequence_length, precision=here.precision, is_gpu=here.is_gpu)
    division = divide(chosen.model, work, here.devices, here.per_machine, here.memory_bytes or float("inf"), given)
    division.plan.check(chosen.model, division.work.batch_size, division.work.sequence_length)
    # Rows that were added to go round make the steps larger, and as many fewer.
    slower = RECOMPUTED if division.work.is_recomputed else 1.0
    tokens = planned.tokens if budget.tokens else planned.tokens / slower
    steps = budget.steps or max(int(tokens / (division.work.batch_size * planned.sequence_length)), 1)
    planned = replace(planned, steps=steps, batch_size=division.work.batch_size)
    rate = here.throughput.of_model(chosen.model, planned.batch_size * planned.sequence_length) / slower
    seconds = planned.tokens / rate
    prices = Prices(budget.price_per_hour, budget.price_per_kwh)
    spending = costs(seconds, place.factor, here.power, prices)
    return {
        "machines": place.name,
        "figures": place.source,
        "model": literals(chosen.model),
        "parameters": chosen.model.parameters,
        "active_parameters": chosen.model.active_parameters,
        "vocabulary": chosen.model.vocabulary,
        **asdict(planned),
        "accumulate": division.work.accumulate,
        "recompute": division.work.is_recomputed,
        "tokens": planned.tokens,
        "precision": here.precision,
        "parallel": asdict(division.plan),
        "memory_bytes": division.memory.peak,
        "memory": asdict(division.memory),
        "device_bytes": here.memory_bytes,
        "tokens_per_second": round(rate, 1),
        "expected_seconds": round(seconds, 1),
        **spending,
        "forecast_bits_per_byte": round(chosen.forecast.bits_per_byte, 3),
        "forecast_band": [round(chosen.forecast.low, 3), round(chosen.forecast.high, 3)],
        "sentences": _sentences(
            chosen, planned.tokens, seconds, place, division, spending, model is not None, given is not None
        ),
    }


def _given(model: ModelConfig, config: PlanConfig, here: Here) -> Candidate:
    """Return a model that was asked for with what the budget makes of it."""
    rate = here.throughput.of_model(model)
    timed = in_seconds(config, here.power)
    tokens = timed.seconds * rate if timed.seconds else float(config.tokens or 0)
    if config.steps:
        if not (config.batch_size and config.sequence_length):
            fix = "give --batch-size and --sequence-length, too, or a budget in tokens"
            raise UsageError("a number of steps alone does not say how many tokens", where="--steps", fix=fix)
        tokens = float(config.steps * config.batch_size * config.sequence_length)
    length = min(sequence_length(tokens, config), model.context)
    sized = replace(timed, sequence_length=config.sequence_length or length)
    planned = schedule(tokens, sized)
    rate = here.throughput.of_model(model, planned.batch_size * planned.sequence_length)
    planned = schedule(timed.seconds * rate, sized) if timed.seconds else planned
    token_bytes = bytes_per_token(model.vocabulary)
    expected = forecast(model, max(planned.tokens, 1), config.train_bytes, token_bytes)
    readings = planned.tokens * token_bytes / config.train_bytes
    if planned.steps < 1:
        raise _too_little(timed, rate, planned.batch_size * planned.sequence_length)
    return Candidate(model, planned, expected, rate, readings)


def _too_little(config: PlanConfig, rate: float, tokens: int) -> UsageError:
    fix = f"give at least --tokens {tokens}"
    if config.seconds:
        takes = f"one step of {tokens:,} tokens takes {duration(tokens / rate)} there"
        fix = f"{takes}: give at least so much, or --tokens {tokens}"
    return UsageError("this budget pays for no step of this model", where="budget", fix=fix)


def _sentences(
    chosen: Candidate,
    tokens: int,
    seconds: float,
    place: Place,
    division: Division,
    spending: Mapping[str, Any],
    is_given: bool,
    is_divided: bool,
) -> list[str]:
    """Return the reasons in plain words, most important first."""
    model = chosen.model
    active = f", {count(model.active_parameters)} of which a token meets" if model.experts else ""
    size = f"The model has {count(model.parameters)} parameters ({model.layers} layers, {model.width} wide{active})"
    why = "as you asked" if is_given else "the best that this budget can make where text does not run out"
    low, high = spending["expected_seconds_band"]
    return [
        f"{size}: {why}.",
        f"It reads {count(tokens)} tokens, {tokens / model.active_parameters:.3g} for each parameter that one meets.",
        _divided(place, division, is_divided),
        f"Training should take {duration(seconds)} ({duration(low)} to {duration(high)}) on {place.name}, at"
        f" {count(tokens / seconds)} tokens per second ({place.source}).",
        spending_sentence(spending).replace("The whole build", "It"),
    ]


def _divided(place: Place, division: Division, is_given: bool) -> str:
    plan, need = division.plan, division.memory.peak / 1e9
    of = f" of {division.device_bytes / 1e9:.3g}" if division.device_bytes != float("inf") else ""
    room = f"{need:.3g}{of} GB are needed on each device" if place.here.devices > 1 else f"{need:.3g}{of} GB are needed"
    pieces = -(-division.work.accumulate // plan.readers)
    told = (
        (plan.shard, f"weights are cut into {plan.shard} parts", "because fewer do not fit"),
        (plan.data, f"{plan.data} copies read rows of their own", ""),
        (plan.expert, f"experts are dealt among {plan.expert} devices", ""),
        (plan.tensor, f"matrices are cut into {plan.tensor} parts inside a machine", ""),
        (plan.context, f"rows are cut into {plan.context} parts", "because one device cannot keep a whole one"),
        (plan.pipeline, f"layers are dealt in {plan.pipeline} runs", "because nothing that talks more fits"),
        (pieces, f"the rows of a step are read in {pieces} pieces", ""),
    )
    parts = [f"{what}, {why}" if why and not is_given else what for size, what, why in told if size > 1]
    if division.work.is_recomputed:
        parts.append("layers compute again what they would have to keep, for a third more work")
    asked = ", divided as you asked" if is_given else ""
    return f"{room}{asked}: {'; '.join(parts)}." if parts else f"{room}."
