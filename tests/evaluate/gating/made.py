"""A home with models, evaluations and audits as runs would have left them, each bound to what it was made from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ingot.evaluate.results import Result
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, describe_files
from ingot.flow.runs import start_run
from tests.evaluate.small_build import artifact

Lines = Sequence[Result]


@dataclass
class Maker:
    """Puts finished artifacts into a home, one version after another."""

    home: Home
    place: Path
    made: int = 0

    def model(self, name: str = "acme", parameters: int = 1000, **facts: Any) -> Artifact:
        return self._keep(name, "Model", {"model.safetensors": "x" * parameters}, {"parameters": parameters, **facts})

    def evaluation(
        self,
        model: Artifact,
        task: str,
        lines: Lines,
        plugin: str = "questions",
        seconds: float = 1.0,
        command: str = "",
    ) -> Artifact:
        """Keep an evaluation; the command of its run is `ingot evaluate MODEL TASK.yaml` unless another is given."""
        name = f"{task}-task"
        asked = self.home.get(name) if self.home.versions(name) else self._keep(name, "Task", {}, {})
        run = start_run(self.home, command or f"ingot evaluate {model.reference} {task}.yaml", [])
        files = {"results.jsonl": "".join(line.as_line() for line in lines)}
        facts = {"task": plugin, "task_version": 1, "items": len(lines)}
        made = f"{model.name}-{task}-evaluation"
        return self._keep(made, "Evaluation", files, facts, {"model": model, "task": asked}, seconds, run.id)

    def audit(self, model: Artifact, **facts: Any) -> Artifact:
        return self._keep(f"{model.name}-audit", "Audit", {}, facts, {"model": model})

    def report(self, model: Artifact, **facts: Any) -> Artifact:
        return self._keep(f"{model.name}-report", "Report", {}, facts, {"model": model})

    def _keep(
        self,
        name: str,
        kind: str,
        files: Mapping[str, str],
        facts: Mapping[str, Any],
        inputs: Mapping[str, Artifact] | None = None,
        seconds: float = 1.0,
        run_id: str = "",
    ) -> Artifact:
        self.home.create()
        self.made += 1
        folder = self.place / f"made-{self.made}"
        folder.mkdir(parents=True)
        for file_name, text in files.items():
            (folder / file_name).write_text(text)
        given = inputs or {}
        record = replace(
            artifact(name, folder, facts).record,
            kind=kind,
            version=self.home.next_version(name),
            fingerprint=f"{name}-{self.made}",
            inputs={key: one.reference for key, one in given.items()},
            input_fingerprints={key: one.fingerprint for key, one in given.items()},
            finished=f"2026-01-01T00:00:{self.made:02}Z",
            seconds=seconds,
            run_id=run_id,
            files=describe_files(folder),
        )
        return self.home.commit(folder, record)


def answers(
    count: int,
    is_right: Callable[[int], bool],
    metric: str = "accuracy",
    group: Callable[[int], str] = lambda number: "",
    seen: Callable[[int], float | None] = lambda number: None,
) -> list[Result]:
    """Return answers to items 0, 1, ...: right or wrong as said."""
    return [
        Result(str(n), group(n), f"hash-{n}", "said", "right", {metric: float(is_right(n))}, seen_share=seen(n))
        for n in range(count)
    ]


def bits(values: Sequence[float]) -> list[Result]:
    """Return documents of a hundred bytes each with these bits per byte."""
    return [
        Result(str(n), "", f"hash-{n}", "", "", {"bits_per_byte": value}, bytes=100) for n, value in enumerate(values)
    ]


def as_home(place: Path, name: str = "home") -> Maker:
    return Maker(Home(place / name), place / "made")


def lines_of(results: Lines) -> list[dict[str, Any]]:
    return [json.loads(each.as_line()) for each in results]
