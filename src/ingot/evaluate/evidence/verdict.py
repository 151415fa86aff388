"""What the figures say, in sentences that are chosen by them: no arm is preferred beforehand.

A difference counts when its interval leaves zero out, and it matters from a share on (`EvidenceConfig.alike`). The
advice takes what is simplest to have, in this order: a general model, search over the documents, a general model that
goes on with them, a generalist that read some of them, a model of one's own. The first that nothing clearly beats is
enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingot.evaluate.evidence.arms import BYTES, COMPUTE, CONTINUED, MIXED, RETRIEVAL, Arm
from ingot.evaluate.evidence.choosing import GENERAL, OWN
from ingot.evaluate.evidence.config import EvidenceConfig
from ingot.evaluate.evidence.pairing import Verdict, fewer, verdict
from ingot.evaluate.intervals import Interval

# From simple to demanding.
_SIMPLEST_FIRST = (GENERAL, RETRIEVAL, CONTINUED, MIXED)
_ENOUGH = {
    GENERAL: "A general model, as it is, is enough for you: without having read your documents, it",
    RETRIEVAL: "Retrieval is enough for you: a general model that is shown what search finds in your documents",
    CONTINUED: "A general model, continued on your documents, is enough for you: it",
    MIXED: "A generalist that read some of your documents is enough for you: it",
}
_TOO_LITTLE = (
    "It has not learned enough to advise you: compression and counting, without any model, need {:.3f}. "
    "Give it more time (--minutes) before you decide."
)


@dataclass(frozen=True)
class Compared:
    """The own model against another arm: the share of bits it needs fewer on a kind of text, and what that shows."""

    arm: Arm
    share: Interval
    shows: Verdict


def compared(own: Arm, others: Sequence[Arm], config: EvidenceConfig, on: str = OWN) -> list[Compared]:
    """Hold the own model against every other arm, on own or on general text."""
    found = []
    for other in others:
        pair = (own.own, other.own) if on == OWN else (own.general, other.general)
        share = fewer(*pair, config.resamples, config.seed, config.level)
        found.append(Compared(other, share, verdict(share, config.alike)))
    return found


def answer(
    own: Arm, on_own: Sequence[Compared], on_general: Sequence[Compared], counted: Mapping[str, float]
) -> list[str]:
    """Return the three sentences a manager reads: which is best, what is enough, and where the own model loses."""
    least = min(counted.values(), default=None)
    is_trained = least is None or own.own.value < least
    return [_best(own, on_own), _enough(on_own) if is_trained else _TOO_LITTLE.format(least), _loses(on_general)]


def notes(own: Arm, on_own: Sequence[Compared]) -> list[str]:
    """Return what makes the answer less sure than it sounds."""
    told = []
    seeds = len(own.facts)
    if seeds == 1:
        told.append(
            "Each was trained once: what another start would change is not known, and is in no interval here. "
            "--seeds 5 tells."
        )
    for each in on_own:
        if each.shows == "unsure":
            name = _lower(each.arm.name)
            told.append(f"Whether your own model or {name} is better cannot be told from this much text ({_of(each)}).")
    if any(each.arm.basis == BYTES for each in on_own):
        told.append("Lines that say 'as many bytes seen' compare at equal text read instead of equal compute.")
    return told


def share_of(interval: Interval) -> str:
    """Return a share with its interval, as a reader reads it.

    >>> share_of(Interval(0.1234, 0.1, 0.15))
    '12.3% (95%: 10.0% to 15.0%)'
    """
    between = "" if interval.low is None else f" (95%: {interval.low:.1%} to {interval.high:.1%})"
    return f"{interval.value:.1%}{between}"


def _best(own: Arm, on_own: Sequence[Compared]) -> str:
    at_compute = [each for each in on_own if each.arm.basis == COMPUTE]
    next_best = min(at_compute, key=lambda each: each.arm.own.value)
    name, figure = _lower(next_best.arm.name), f"{own.own.value:.3f} bits per byte"
    if next_best.shows == "better":
        told = f"Your own model predicts your documents best, with {figure}"
        return f"{told}: {share_of(next_best.share)} fewer than the next best, {name}."
    if next_best.shows == "worse":
        more = next_best.arm.own.value
        return f"Your own model, with {figure}, is not the best on your documents: {name} needs {more:.3f}."
    if next_best.shows == "alike":
        return f"Your own model, with {figure}, and {name} predict your documents equally well."
    return f"Your own model needs {figure}; whether that is better than {name} cannot be told yet."


def _enough(on_own: Sequence[Compared]) -> str:
    at_compute = {each.arm.arm: each for each in on_own if each.arm.basis == COMPUTE}
    for arm in _SIMPLEST_FIRST:
        found = at_compute.get(arm)
        if found is None or found.shows == "better" or _is_beaten(found, at_compute):
            continue
        name = _lower(found.arm.name)
        if found.shows == "unsure":
            return (
                f"Nothing here shows that your own model is worth more than the simpler way, {name}: "
                "before you pay for one, measure with more text, more time or more seeds."
            )
        than = "no worse" if found.shows == "alike" else "better"
        return f"{_ENOUGH[arm]} is {than} on them than one trained on nothing else."
    beside = " and ".join(_lower(each.arm.name) for each in at_compute.values() if each.shows == "better")
    return (
        f"If your documents are what it is for, a model of your own is worth its training: it clearly beats {beside}."
    )


def _is_beaten(one: Compared, others: Mapping[str, Compared]) -> bool:
    """Say whether another arm that is not the own one is clearly better than this one by what both are to the own."""
    ends = [each.share.high for each in others.values() if each.arm is not one.arm and each.share.high is not None]
    return one.share.low is not None and any(high < one.share.low for high in ends)


def _loses(on_general: Sequence[Compared]) -> str:
    at_compute = [each for each in on_general if each.arm.basis == COMPUTE and each.arm.arm != RETRIEVAL]
    best = min(at_compute, key=lambda each: each.arm.general.value)
    if best.shows != "worse":
        return "On general text it loses nothing that could be measured, which is unusual: look at what the text is."
    more = -best.share.value
    return (
        f"It loses on everything else: on general text it needs {more:.0%} more bits than {_lower(best.arm.name)}, "
        "so it is no assistant for other subjects."
    )


def _of(each: Compared) -> str:
    value, low, high = each.share.value, each.share.low, each.share.high
    between = "" if low is None or high is None else f", between {low:+.1%} and {high:+.1%}"
    return f"{value:+.1%} fewer bits{between}"


def _lower(name: str) -> str:
    known = {"Own model": "the own model", "General model": "the general model", "Generalist": "the generalist"}
    for beginning, told in known.items():
        if name.startswith(beginning):
            return told + name[len(beginning) :]
    return "the model of " + name[0].lower() + name[1:]
