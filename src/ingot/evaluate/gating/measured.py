"""What a home knows of a model that a gate can use: its newest evaluations, its audit, its report.

Each is bound to the model by reference and by fingerprint: what was measured of another version, or of one that has
since been made anew, is no evidence of this one.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ingot.core.errors import IngotError
from ingot.evaluate.gating.claim import FAIL
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.lineage import ancestors
from ingot.flow.runs import read_run

EVALUATION, _AUDIT, _REPORT = "Evaluation", "Audit", "Report"
_TASK = "task"


@dataclass(frozen=True)
class Measured:
    """The evaluations of a model and of the version in use, by task; the model's audit and report."""

    asked: Mapping[str, Artifact] = field(default_factory=dict)
    before: Mapping[str, Artifact] = field(default_factory=dict)
    audit: Artifact | None = None
    report: Artifact | None = None
    commands: Mapping[str, str] = field(default_factory=dict)


def measured(home: Home, model: Artifact, against: Artifact | None) -> Measured:
    """Return what was measured of both; of each task the newest pair that was asked the same items."""
    everything = list(home.all())
    own = _evaluations(everything, model)
    other = _evaluations(everything, against) if against else {}
    asked = {task: some[-1] for task, some in own.items()}
    before = {task: _alike(some, asked.get(task)) for task, some in other.items()}
    lacking = [(task, one, model) for task, one in before.items() if task not in asked]
    if against is not None:
        lacking += [(task, one, against) for task, one in asked.items() if task not in before]
    commands = {task: _command(home, one, lacks) for task, one, lacks in lacking}
    report = _made_of(everything, model, _REPORT)
    is_of_both = report is not None and against is not None and _goes_on_from(home, report, against)
    return Measured(asked, before, _made_of(everything, model, _AUDIT), report if is_of_both else None, commands)


def task_of(evaluation: Artifact) -> str:
    """Return the name of the task that an evaluation asked."""
    return evaluation.record.inputs[_TASK].partition("@")[0].removesuffix("-task")


def is_of(made: Artifact, model: Artifact, name: str = "model") -> bool:
    """Say whether something was made from exactly this model, under the name of this input."""
    record = made.record
    fingerprint = record.input_fingerprints.get(name)
    return record.inputs.get(name) == model.reference and fingerprint == model.fingerprint


def _evaluations(everything: Iterable[Artifact], model: Artifact) -> dict[str, list[Artifact]]:
    """Return a model's evaluations by the name of their task, oldest first."""
    found: dict[str, list[Artifact]] = {}
    made = [each for each in everything if each.kind == EVALUATION and is_of(each, model)]
    for each in sorted(made, key=lambda each: (each.record.finished, each.version)):
        found.setdefault(task_of(each), []).append(each)
    return found


def _alike(some: list[Artifact], asked: Artifact | None) -> Artifact:
    """Return the newest evaluation of the same version of the task, else the newest."""
    task = asked.record.input_fingerprints.get(_TASK) if asked else None
    same = [each for each in some if each.record.input_fingerprints.get(_TASK) == task]
    return (same or some)[-1]


def _made_of(everything: Iterable[Artifact], model: Artifact, kind: str) -> Artifact | None:
    """Return the newest audit or report of the model, or of the checkpoint that it is made of; an audit that failed."""
    record = model.record
    checkpoint = (record.inputs.get("checkpoint"), record.input_fingerprints.get("checkpoint"))
    known = {(model.reference, model.fingerprint), *([checkpoint] if checkpoint[0] else [])}
    found = [
        each
        for each in everything
        if each.kind == kind
        and any(
            (each.record.inputs.get(name), each.record.input_fingerprints.get(name)) in known
            for name in ("checkpoint", "model")
        )
    ]
    # What an audit found it has found: a later one that looked at less does not undo it.
    return max(found, key=lambda each: (each.facts.get("verdict") == FAIL, each.record.finished), default=None)


def _goes_on_from(home: Home, report: Artifact, against: Artifact) -> bool:
    """Say whether what a report calls old is what the version in use was."""
    start = report.facts.get("start")
    if not isinstance(start, str):
        return False
    try:
        line = {each.fingerprint for each in ancestors(home, home.get(start))}
    except IngotError:  # what it went on from is gone from the home
        return False
    own = {against.fingerprint, against.record.input_fingerprints.get("checkpoint")}
    return bool(line & own)


def _command(home: Home, like: Artifact, model: Artifact) -> str:
    """Return the command that asks a model what another one was asked: that one's own, with the name exchanged."""
    task = task_of(like)
    try:
        words = shlex.split(read_run(home, like.record.run_id).command)
    except (OSError, ValueError, KeyError, TypeError):
        return f"ingot evaluate {model.reference} {task}.yaml"
    asked = like.record.inputs["model"]
    names = (asked, asked.partition("@")[0])
    place = next((number for number, word in enumerate(words) if number > 1 and word in names), None)
    if words[1:2] != ["evaluate"] or place is None:
        return f"ingot evaluate {model.reference} {task}.yaml"
    return shlex.join(["ingot", *words[1:place], model.reference, *words[place + 1 :]])
