"""The plan in plain words: one sentence for each choice, written for someone who has never trained a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingot.plan.candidate import MOST_READINGS, Candidate
from ingot.plan.config import PlanConfig
from ingot.plan.forecast import bytes_per_token


def sentences(config: PlanConfig, chosen: Candidate, other_seconds: float, is_measured: bool) -> list[str]:
    """Return the reasons for the plan, most important first."""
    return [
        _size(config, chosen),
        _vocabulary(config, chosen),
        _text(config, chosen),
        _time(config, chosen, other_seconds, is_measured),
        _forecast(chosen),
    ]


def spending_sentence(costs: Mapping[str, Any]) -> str:
    """Say what a plan's costs come to, with the word that tells how energy was found."""
    joules, money = costs["expected_joules"], costs["expected_money"]
    if joules is None:
        told = "How much energy it takes is not measured on this machine"
    else:
        low, high = (energy(each) for each in costs["expected_joules_band"])
        told = f"The whole build takes about {energy(joules)} ({low} to {high}; {costs['energy_method']})"
    if money is None:
        return f"{told}."
    low, high = costs["expected_money_band"]
    return f"{told} and costs about {price(money)} ({price(low)} to {price(high)})."


def price(money: float) -> str:
    """Return an amount of money for people.

    >>> price(1893.2), price(20), price(0.0137)
    ('1,893', '20.00', '0.014')
    """
    if money >= 1000:
        return f"{money:,.0f}"
    return f"{money:.2f}" if money >= 1 else f"{money:.2g}"


def energy(joules: float) -> str:
    """Return energy for people.

    >>> energy(7200), energy(7.2e6)
    ('2 Wh', '2 kWh')
    """
    hours = joules / 3600
    return f"{hours / 1000:.3g} kWh" if hours >= 1000 else f"{hours:.3g} Wh"


def duration(seconds: float) -> str:
    """Return a duration for people.

    >>> duration(0.2), duration(44), duration(400), duration(9000), duration(1_000_000)
    ('under a second', '44 seconds', '6.67 minutes', '2.5 hours', '11.6 days')
    """
    if seconds < 1.5:
        return "under a second" if seconds < 1 else "1 second"
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.3g} minutes"
    return f"{seconds / 3600:.3g} hours" if seconds < 2 * 86_400 else f"{seconds / 86_400:.3g} days"


def count(number: float) -> str:
    """Return a count for people, three significant digits.

    >>> count(812), count(2_345_678), count(403_000_000_000)
    ('812', '2.35 million', '403 billion')
    """
    for limit, word in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million"), (1e3, " thousand")):
        if number >= limit:
            return f"{number / limit:.3g}{word}"
    return f"{number:.3g}"


def _size(config: PlanConfig, chosen: Candidate) -> str:
    model = chosen.model
    size = f"The model has {count(model.parameters)} parameters ({model.layers} layers, {model.width} wide)"
    if config.preset or config.width or config.layers:
        return f"{size}, as you asked."
    if config.seconds:
        return f"{size}: in this time a larger one would see too little text, and a smaller one could not keep it."
    return f"{size}: at this size more text and a larger model would help equally."


def _vocabulary(config: PlanConfig, chosen: Candidate) -> str:
    covers = bytes_per_token(chosen.model.vocabulary, config.bytes_per_token_by_vocabulary)
    size = f"It reads in pieces of about {covers:.2g} bytes, from a vocabulary of {chosen.model.vocabulary:,}"
    return f"{size}, as you asked." if config.vocabulary else f"{size} learned from your text."


def _text(config: PlanConfig, chosen: Candidate) -> str:
    schedule = chosen.schedule
    seen = f"It trains {schedule.steps:,} steps of {schedule.batch_size * schedule.sequence_length:,} tokens"
    if schedule.accumulate > 1:
        seen += f" (each in {schedule.accumulate} pieces, so that it fits into memory)"
    if chosen.readings < 1:
        return f"{seen}: about {chosen.readings:.0%} of your text, chosen evenly, each part once."
    read = f"{seen}: your text {chosen.readings:.2g} times"
    if config.seconds and chosen.readings > MOST_READINGS * 0.95:
        return (
            f"{read}, and then stops early: reading it more often would only teach it by heart. More text would help."
        )
    return f"{read}."


def _time(config: PlanConfig, chosen: Candidate, other_seconds: float, is_measured: bool) -> str:
    source = "measured on this machine" if is_measured else "estimated from this machine's cores"
    rate = f"{count(chosen.tokens_per_second)} tokens per second, {source}"
    training = f"Training should take {duration(chosen.training_seconds)} at {rate}"
    return f"{training}; reading, tokenising, evaluating and packaging about {duration(other_seconds)} more."


def _forecast(chosen: Candidate) -> str:
    low, high = chosen.forecast.low, chosen.forecast.high
    return (
        f"Expect about {chosen.forecast.bits_per_byte:.2f} bits per byte on text it has not seen "
        f"(probably {low:.2f} to {high:.2f}; lower is better)."
    )
