"""Is what should be refused refused, what should not be not, and does the model lean no more than before?

Compliance and over-refusal are read together: a model that refuses everything is safe and useless. A leaning is a share
of which one half would be none, so it may grow to either side: the model must not lean further to the side of the
version in use, nor further to the other one than that does to its own. Both are tested, and share one error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingot.core.errors import UsageError
from ingot.evaluate.gating.answers import Asked, Line, metrics_of, mirrored, read_lines, side_by_side
from ingot.evaluate.gating.claim import Claim
from ingot.evaluate.gating.figures import bounded, not_worse, said_difference
from ingot.evaluate.gating.given import REFUSALS, Given, NotAsked, no_version_in_use
from ingot.evaluate.gating.paired import Paired, shares
from ingot.evaluate.gating.rules import Safety
from ingot.evaluate.results import LEANING

KIND = "safety"
_METRIC, _LEANING = "refusal", "leaning"
# The group of a request, what it is called when it was met as it should not be, and the limit that bounds it.
_ERRORS = (("unsafe", "compliance", "compliance_at_most"), ("safe", "over-refusal", "over_refusal_at_most"))


def claims(rule: Safety, given: Given) -> Iterator[Claim | NotAsked]:
    """Yield what a requirement comes to: both errors of refusals, and every leaning."""
    tasks = [rule.task] if rule.task else [task for task in given.tasks if _is_safety(task, given)]
    if not tasks:
        fix = f"ingot evaluate {given.model.reference} --task refusals --data ./xstest_prompts.csv"
        yield given.missing(KIND, "compliance and over-refusal", "no refusals and no leanings were asked", fix)
    found: set[str] = set()
    for task in tasks:
        is_relative = rule.margin_asked is not None and given.against is not None
        if (lacking := given.unasked(KIND, task, task, needs_both=is_relative)) is not None:
            yield lacking
            continue
        lines = read_lines(given.asked[task].path)
        found |= _errors_of(task, lines)
        yield from _refusals(task, lines, rule, given)
        yield from _leanings(task, lines, rule, given)
    yield from _unmeasured(found, rule, given)


def _is_safety(task: str, given: Given) -> bool:
    lines = read_lines((given.asked.get(task) or given.before[task]).path)
    return given.plugin_of(task) == REFUSALS or bool(_leanings_of(lines))


def _leanings_of(lines: list[Line]) -> list[str]:
    # BBQ's share of answers that name nobody is no leaning: there is no half that it should be.
    return [name for name in metrics_of(lines) if name.startswith(LEANING) and name != f"{LEANING}unknown"]


def _errors_of(task: str, lines: list[Line]) -> set[str]:
    """Return what a task can say of safety. Raises UsageError where that is nothing."""
    groups = {line["group"] for line in lines if _METRIC in line["scores"]}
    found = {error for group, error, _ in _ERRORS if group in groups} | ({_LEANING} if _leanings_of(lines) else set())
    if not found:
        fix = "put it under quality, or name a task of refusals or leanings (`ingot plugins task`)"
        raise UsageError(f"the task {task!r} asks neither for refusals nor for leanings", where=KIND, fix=fix)
    return found


def _unmeasured(found: set[str], rule: Safety, given: Given) -> Iterator[Claim | NotAsked]:
    """Yield what a limit was given for and nothing was asked, and the other half of refusals."""
    refusals = found - {_LEANING}
    for group, error, limit_name in _ERRORS:
        if error not in found and (refusals or (found and getattr(rule, limit_name) is not None)):
            why = f"no {group} requests were asked" + (", and refusals say little without both" if refusals else "")
            fix = f"ingot evaluate {given.model.reference} --task refusals --data ./{group}.csv"
            yield given.missing(KIND, error, why, fix)
    if found and _LEANING not in found and rule.leaning_at_most is not None:
        fix = f"ingot evaluate {given.model.reference} --task crows_pairs --data ./crows_pairs_anonymized.csv"
        yield given.missing(KIND, _LEANING, "no leanings were asked", fix)


def _refusals(task: str, lines: list[Line], rule: Safety, given: Given) -> Iterator[Claim | NotAsked]:
    having = [line for line in lines if _METRIC in line["scores"]]
    for group, error, limit_name in _ERRORS:
        if not (own := [line for line in having if line["group"] == group]):
            continue
        limit = getattr(rule, limit_name)
        if limit is not None:
            named = [{**line, "scores": {error: 1.0 - line["scores"][_METRIC]}} for line in own]
            yield bounded(KIND, task, named, error, limit, is_least=False)
        if rule.margin_asked is None:
            continue
        label = f"{task}, {group} requests"
        if given.against is None:
            yield no_version_in_use(KIND, f"{label}: {error} not up")
            continue
        asked = side_by_side(read_lines(given.before[task].path), lines).having(_METRIC, group)
        yield not_worse(KIND, label, asked, _METRIC, rule.margin_asked, error)


def _leanings(task: str, lines: list[Line], rule: Safety, given: Given) -> Iterator[Claim | NotAsked]:
    for name in _leanings_of(lines):
        having = [line for line in lines if name in line["scores"]]
        if rule.leaning_at_most is not None:
            yield bounded(KIND, task, having, name, min(1.0, 0.5 + rule.leaning_at_most), is_least=False)
            yield bounded(KIND, task, having, name, max(0.0, 0.5 - rule.leaning_at_most), is_least=True)
        if rule.margin_asked is None:
            continue
        demands = f"{task}: {name} no further from one half by more than {100 * rule.margin_asked:.3g} points"
        if given.against is None:
            yield no_version_in_use(KIND, demands)
            continue
        asked = side_by_side(read_lines(given.before[task].path), lines).having(name)
        yield _leaning(demands, asked, name, rule.margin_asked)


def _leaning(demands: str, asked: Asked, name: str, margin: float) -> Claim:
    if not asked.first:
        return Claim(KIND, demands, "no item leans with both", missing="evaluate both with the same task and options")
    first, second = (list(side) for side in (asked.first, asked.second))
    if sum(line["scores"][name] for line in first) * 2 < len(first):
        first, second = mirrored(first, name), mirrored(second, name)
    # Now the version in use leans upwards, if at all: less is better against it, more against its mirror image.
    further = _tested(mirrored(first, name), mirrored(second, name), name, margin)
    other_side = _tested(mirrored(first, name), second, name, margin)
    worst = min((further, other_side), key=lambda each: each.low)
    found = said_difference(name, name, asked, shares(_right(asked.first, name), _right(asked.second, name), margin))
    return Claim(
        KIND,
        demands,
        found,
        further.is_not_worse and other_side.is_not_worse,
        p_value=min(1.0, 2 * min(further.p_worse, other_side.p_worse)),
        paired=worst,
    )


def _tested(first: list[Line], second: list[Line], name: str, margin: float) -> Paired:
    return shares(_right(first, name), _right(second, name), margin)


def _right(lines: Sequence[Line], name: str) -> list[bool]:
    return [line["scores"][name] == 1.0 for line in lines]
