"""The step that holds two evaluations of one task against one another: figures, tests on the same items, what changed.

Compared are the items that were shown alike to both, by the hash of what was shown; those that only one has are told.
`items.jsonl` has every item whose answer or score changed, both answers beside what is right. A difference counts when
chance would seldom make it; where there are too few items to tell one of three points, it says how many that takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.core.storage import write_atomically
from ingot.evaluate.config import CompareConfig
from ingot.evaluate.paired import Paired, bootstrap_difference, items_needed, mcnemar
from ingot.evaluate.results import BITS_PER_BYTE, LEANING, METRICS_FILE, RESULTS_FILE
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext

CHANGED_FILE, COMPARISON_FILE = "items.jsonl", "comparison.json"
FIRST, SECOND = "first", "second"
# Items that a difference of three points takes, found with this probability: what a gate should be able to see.
TOLD_DIFFERENCE, TOLD_POWER = 0.03, 0.95

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """One metric of both evaluations over the items they share, its test, and what the test says."""

    metric: str
    first: float
    second: float
    test: Paired
    verdict: str
    items_needed: int | None = None

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON literals, rounded."""
        test = {name: round(value, 6) if isinstance(value, float) else value for name, value in vars(self.test).items()}
        rounded = {"first": round(self.first, 6), "second": round(self.second, 6)}
        return {"metric": self.metric, **rounded, **test, "verdict": self.verdict, "items_needed": self.items_needed}


def compare(config: CompareConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Compare the evaluations `first` and `second`. Raises InputError when they have no item in common."""
    _refuse_different_tasks(inputs)
    one, other = (_lines(inputs[name].path) for name in (FIRST, SECOND))
    shared = [key for key in one if key in other]
    if not shared:
        raise InputError(
            "these evaluations have no item in common",
            where=f"{inputs[FIRST].reference} and {inputs[SECOND].reference}",
            why="only the same questions, asked in the same words, can be compared",
            fix="evaluate both models on the same task, with the same options",
        )
    pairs = [(one[key], other[key]) for key in shared]
    compared = [_compared(name, some, config) for name, some in _by_metric(pairs).items()]
    # Those that one has right and the other wrong come first.
    changed = sorted(_changed(pairs), key=lambda line: line["first_scores"] == line["second_scores"])
    write_atomically(
        context.folder / CHANGED_FILE, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in changed)
    )
    facts = {
        "task": inputs[FIRST].facts["task"],
        "items": len(shared),
        "only_in_first": len(one) - len(shared),
        "only_in_second": len(other) - len(shared),
        "changed": len(changed),
        "metrics": [each.as_facts() for each in compared],
    }
    told = {name: _figures(inputs[name].path) for name in (FIRST, SECOND)}
    write_atomically(
        context.folder / COMPARISON_FILE, json.dumps({**facts, **told, "limits": asdict(config)}, indent=1) + "\n"
    )
    return facts


def read_changed(folder: Path) -> list[dict[str, Any]]:
    """Return the items whose answer or score changed."""
    with (folder / CHANGED_FILE).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _refuse_different_tasks(inputs: Mapping[str, Artifact]) -> None:
    tasks = [(inputs[name].facts.get("task"), inputs[name].facts.get("task_version")) for name in (FIRST, SECOND)]
    if tasks[0] != tasks[1]:
        named = " and ".join(f"{task}, version {version}" for task, version in tasks)
        raise InputError(
            "these are evaluations of two tasks",
            where=named,
            why="their figures do not mean the same",
            fix="evaluate both models on the same task",
        )


def _lines(folder: Path) -> dict[tuple[str, str], Line]:
    with (folder / RESULTS_FILE).open(encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return {(line["id"], line["prompt"]): line for line in lines}


def _figures(folder: Path) -> Any:
    return json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))


def _by_metric(pairs: Sequence[tuple[Line, Line]]) -> dict[str, list[tuple[Line, Line]]]:
    """Return the pairs behind each metric: those in which both answers have it."""
    found: dict[str, list[tuple[Line, Line]]] = {}
    for one, other in pairs:
        for name in one["scores"]:
            if name in other["scores"]:
                found.setdefault(name, []).append((one, other))
    return found


def _compared(name: str, pairs: Sequence[tuple[Line, Line]], config: CompareConfig) -> Compared:
    first, second = ([line["scores"][name] for line in side] for side in zip(*pairs, strict=True))
    weights = [line["bytes"] for line, _ in pairs] if name == BITS_PER_BYTE else [1] * len(pairs)
    total = sum(weights)
    means = [sum(w * v for w, v in zip(weights, side, strict=True)) / total for side in (first, second)]
    if all(value in (0.0, 1.0) for value in first + second):
        test = mcnemar([bool(value) for value in first], [bool(value) for value in second], config.level)
        disagreement = (test.only_first + test.only_second) / test.items
        needed = items_needed(TOLD_DIFFERENCE, max(disagreement, TOLD_DIFFERENCE), TOLD_POWER, config.level)
    else:
        # Weighed by their bytes, the differences have the difference of the ratios as their mean.
        scale = [weight * len(weights) / total for weight in weights]
        one, other = ([s * v for s, v in zip(scale, side, strict=True)] for side in (first, second))
        test, needed = bootstrap_difference(one, other, config.resamples, config.seed, config.level), None
    return Compared(name, means[0], means[1], test, _verdict(name, test, needed, config.level), needed)


def _verdict(name: str, test: Paired, needed: int | None, level: float) -> str:
    """Say whether the second is better, worse (of a leaning: more, less), or whether these items cannot tell."""
    if test.p_value < level:
        if name.startswith(LEANING):
            return "more" if test.difference > 0 else "less"
        is_better = (test.difference > 0) != (name == BITS_PER_BYTE)
        return "better" if is_better else "worse"
    return "too few items to tell" if needed is not None and test.items < needed else "no difference found"


def _changed(pairs: Sequence[tuple[Line, Line]]) -> Iterator[dict[str, Any]]:
    for one, other in pairs:
        scores = [{name: round(score, 4) for name, score in line["scores"].items()} for line in (one, other)]
        is_discrete = all(score in (0.0, 1.0) for line in scores for score in line.values())
        if one["answer"] != other["answer"] or (is_discrete and scores[0] != scores[1]):
            yield {
                "id": one["id"],
                "group": one["group"],
                "right": one["right"],
                FIRST: one["answer"],
                SECOND: other["answer"],
                "first_scores": scores[0],
                "second_scores": scores[1],
            }
