"""Ask a model a task, and compare two models that were asked the same.

rows (and datasets) -> task;  model, task (and what it was trained on) -> evaluation;  two evaluations -> comparison
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ingot.core.plugins import load
from ingot.data.connectors import folder
from ingot.evaluate.config import AskConfig, CompareConfig, TaskConfig
from ingot.flow.artifact import Artifact
from ingot.flow.source import Source
from ingot.flow.step import Step

Given = Mapping[str, Artifact]


def task(
    name: str,
    config: TaskConfig,
    data: Sequence[Path],
    examples: Sequence[Path] = (),
    datasets: Sequence[Artifact] = (),
) -> tuple[Step, Given]:
    """Return the step that makes a task of files, or of what datasets kept aside, and what it takes as it is."""
    sources = {key: _files(paths) for key, paths in (("data", data), ("examples", examples)) if paths}
    given = {f"rows-{number}": dataset for number, dataset in enumerate(datasets, start=1)}
    step = Step(
        "task",
        f"{name}-task",
        "Task",
        "ingot.evaluate.taking:take",
        config,
        _as_they_are(given),
        sources,
        # Another version of the plug-in asks otherwise, so it makes another task of the same rows.
        version=int(load("task", config.task).other("VERSION")),
    )
    return step, given


def evaluation(
    name: str, model: Artifact, asked: Step, trained_on: Sequence[Artifact], config: AskConfig
) -> tuple[Step, Given]:
    """Return the step that asks a model; `trained_on` are the datasets behind it, for the contamination report."""
    given = {"model": model} | {f"trained-on-{number}": one for number, one in enumerate(trained_on, start=1)}
    # A build has artifacts such as acme-documents of its own: evaluations say what they are.
    artifact = f"{model.name.removesuffix('-checkpoint')}-{name}-evaluation"
    inputs = {**_as_they_are(given), "task": asked}
    return Step("evaluation", artifact, "Evaluation", "ingot.evaluate.asking:ask", config, inputs), given


def comparison(pairs: Sequence[tuple[Artifact, Artifact]], config: CompareConfig) -> tuple[list[Step], Given]:
    """Return a step for each pair of evaluations of one task, and what they take as it is."""
    given = {one.reference: one for pair in pairs for one in pair}
    known = _as_they_are(given)
    steps = []
    for first, second in pairs:
        inputs = {"first": known[first.reference], "second": known[second.reference]}
        name = f"{second.name.removesuffix('-evaluation')}-comparison"
        steps.append(Step(name, name, "Comparison", "ingot.evaluate.comparing:compare", config, inputs))
    return steps, given


def _as_they_are(given: Given) -> dict[str, Step]:
    # Nothing is run for what is given, so there is nothing to say how.
    return {name: Step(name, one.name, one.kind, "", {}) for name, one in given.items()}


def _files(paths: Sequence[Path]) -> Source:
    return Source("folder", folder.Config(paths=tuple(map(str, paths)), exclude=()))
