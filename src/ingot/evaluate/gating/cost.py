"""What an answer takes: parameters and weights as they are, time and energy as they were measured.

Time and energy come from the records of the evaluations: one measurement each, with whatever else the machine did, so
up to a quarter over the limit is unsure. What was not measured is said to be so and never taken for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingot.evaluate.gating.claim import Claim
from ingot.evaluate.gating.given import Given, NotAsked, no_version_in_use
from ingot.evaluate.gating.rules import Cost
from ingot.flow.artifact import Artifact

KIND = "cost"
_OF_ITEMS = {"seconds_per_item": "seconds", "joules_per_item": "joules"}
_WORDS = {
    "parameters": "parameters",
    "weight_bytes": "bytes of weights",
    "seconds_per_item": "seconds an item",
    "joules_per_item": "joules an item",
}
_NOISE = 1.25


def claims(rule: Cost, given: Given) -> Iterator[Claim | NotAsked]:
    """Yield what a limit comes to, absolute and against the version in use."""
    words = _WORDS[rule.measure]
    if rule.at_most is not None:
        yield _absolute(rule, rule.at_most, given)
    if rule.at_most_times is None:
        return
    demands = f"{words} at most {rule.at_most_times:g} times those of the version in use"
    if given.against is None:
        yield no_version_in_use(KIND, demands)
    elif rule.measure in _OF_ITEMS:
        yield _relative_measured(rule, rule.at_most_times, demands, given)
    else:
        yield _relative_size(rule, rule.at_most_times, demands, given, given.against)


def _absolute(rule: Cost, limit: float, given: Given) -> Claim | NotAsked:
    words = _WORDS[rule.measure]
    demands = f"{words} at most {limit:,.10g}"
    if rule.measure not in _OF_ITEMS:
        size = _size(given.model, rule.measure)
        if size is None:
            return given.missing(KIND, demands, f"{given.model.reference} does not say it", "export it again")
        return Claim(KIND, demands, f"{size:,} {words}", size <= limit, size > limit, figures={"value": size})
    tasks = [rule.task] if rule.task else sorted(given.asked)
    value = _per_item([given.asked[task] for task in tasks if task in given.asked], rule.measure)
    if value is None:
        return _unmeasured(rule, demands, given)
    found = f"{value:.4g} {words}, measured once"
    return Claim(KIND, demands, found, value <= limit, value > limit * _NOISE, figures={"value": round(value, 6)})


def _relative_size(rule: Cost, times: float, demands: str, given: Given, against: Artifact) -> Claim | NotAsked:
    own, before = (_size(one, rule.measure) for one in (given.model, against))
    if own is None or not before:
        lacking = given.model if own is None else against
        return given.missing(KIND, demands, f"{lacking.reference} does not say it", "give a limit with at_most")
    found = f"{own:,} {_WORDS[rule.measure]}, was {before:,}: {own / before:.3g} times"
    figures = {"value": own, "before": before, "times": round(own / before, 4)}
    return Claim(KIND, demands, found, own <= times * before, own > times * before, figures=figures)


def _relative_measured(rule: Cost, times: float, demands: str, given: Given) -> Claim | NotAsked:
    tasks = [
        task for task in ([rule.task] if rule.task else given.tasks) if task in given.asked and task in given.before
    ]
    pairs = [(given.asked[task], given.before[task]) for task in tasks]
    alike = [pair for pair in pairs if _is_comparable(*pair)]
    own, before = (_per_item([pair[side] for pair in alike], rule.measure) for side in (0, 1))
    if own is None or not before:
        return _unmeasured(rule, demands, given)
    found = f"{own:.4g} {_WORDS[rule.measure]}, was {before:.4g}: {own / before:.3g} times, measured once each"
    figures = {"value": round(own, 6), "before": round(before, 6), "times": round(own / before, 4)}
    return Claim(KIND, demands, found, own <= times * before, own > times * before * _NOISE, figures=figures)


def _unmeasured(rule: Cost, demands: str, given: Given) -> Claim | NotAsked:
    why = f"no evaluation of {given.model.reference} has measured it"
    if given.against is not None:
        why += f" on the same machine and questions as one of {given.against.reference}"
    return given.missing(KIND, demands, why, "evaluate both with the same task on one machine")


def _is_comparable(one: Artifact, other: Artifact) -> bool:
    same_machine = one.record.made_by.get("machine") == other.record.made_by.get("machine")
    same_items = one.facts.get("items") == other.facts.get("items")
    return same_machine and same_items and one.record.energy_method == other.record.energy_method


def _per_item(evaluations: list[Artifact], measure: str) -> float | None:
    """Return seconds or joules an item, over all evaluations; None where one was not measured."""
    amounts = [getattr(each.record, _OF_ITEMS[measure]) for each in evaluations]
    items = sum(int(each.facts.get("items", 0)) for each in evaluations)
    if not items or any(amount is None for amount in amounts):
        return None
    return float(sum(amounts)) / items


def _size(model: Artifact, measure: str) -> int | None:
    if measure == "parameters":
        told = model.facts.get("parameters")
        return told if isinstance(told, int) else None
    sizes = [entry.bytes for name, entry in model.record.files.items() if name.endswith(".safetensors")]
    return sum(sizes) or None
