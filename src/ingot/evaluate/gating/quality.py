"""Is a model as good at its tasks as the version in use, and good enough?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingot.core.errors import UsageError, suggest
from ingot.evaluate.gating.answers import Line, first_metric, metrics_of, read_lines, side_by_side, unseen
from ingot.evaluate.gating.claim import Claim
from ingot.evaluate.gating.figures import bounded, not_worse
from ingot.evaluate.gating.given import REFUSALS, Given, NotAsked, no_version_in_use
from ingot.evaluate.gating.rules import Quality
from ingot.evaluate.results import LEANING

KIND = "quality"


def claims(rule: Quality, given: Given) -> Iterator[Claim | NotAsked]:
    """Yield what a requirement comes to, task by task."""
    tasks = [rule.task] if rule.task else _asked(given)
    if not tasks:
        # Even rules that leave out what was not measured must not pass a model that nobody has asked anything.
        fix = f"ingot evaluate {given.model.reference} exam.yaml, with questions of your own"
        yield Claim(KIND, "every task: as good as before", "not measured: no task was asked", missing=fix)
    for task in tasks:
        yield from _of_task(task, rule, given)


def compare(kind: str, task: str, metric: str, margin: float, given: Given) -> Claim | NotAsked:
    """Return the claim that a task is answered as well as by the version in use."""
    demands = f"{task}: not worse by more than {margin:.3g}"
    if given.against is None:
        return no_version_in_use(kind, demands)
    if (lacking := given.unasked(kind, demands, task, needs_both=True)) is not None:
        return lacking
    first, second = (read_lines(each[task].path) for each in (given.before, given.asked))
    name = metric_asked(second, metric, task)
    return not_worse(kind, task, side_by_side(first, second).having(name), name, margin)


def metric_asked(lines: Sequence[Line], metric: str, task: str) -> str:
    """Return the metric that is meant. Raises UsageError naming those there are."""
    known = [name for name in metrics_of(lines) if not name.startswith(LEANING)]
    if metric in known:
        return metric
    if metric.startswith(LEANING):
        fix = "put the task under safety, which asks that leanings do not grow"
        raise UsageError(f"of {metric} neither more nor less is better", where=task, fix=fix)
    name = first_metric(lines)
    if name is None:
        raise UsageError(f"the task {task!r} has no right and wrong", where="quality", fix="put it under safety")
    if metric:
        raise UsageError(f"the task {task!r} has no metric {metric!r}", where="quality", fix=suggest(metric, known))
    return name


def _asked(given: Given) -> list[str]:
    """Return the tasks that have a right and a wrong, refusals left to safety."""
    return [
        task
        for task in given.tasks
        if given.plugin_of(task) != REFUSALS
        and first_metric(read_lines((given.asked.get(task) or given.before[task]).path)) is not None
    ]


def _of_task(task: str, rule: Quality, given: Given) -> Iterator[Claim | NotAsked]:
    if rule.margin_asked is not None:
        yield compare(KIND, task, rule.metric, rule.margin_asked, given)
    for limit, is_least in ((rule.at_least, True), (rule.at_most, False)):
        if limit is None:
            continue
        demands = f"{task}: {rule.metric or 'its figure'} {'at least' if is_least else 'at most'} {limit:g}"
        if (lacking := given.unasked(KIND, demands, task, needs_both=False)) is not None:
            yield lacking
            continue
        lines = read_lines(given.asked[task].path)
        name = metric_asked(lines, rule.metric, task)
        having = [line for line in unseen(lines) if name in line["scores"]]
        if having:
            yield bounded(KIND, task, having, name, limit, is_least)
        else:
            yield given.missing(KIND, demands, f"its training has read every item of {task!r}", "ask other questions")
