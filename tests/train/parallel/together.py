"""A training as the local executor runs it, by one process or several, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ingot.core.config import literals
from ingot.flow.artifact import RECORD_FILE, Artifact
from ingot.flow.executors.local import Executor
from ingot.flow.request import Request
from ingot.train.config import PretrainConfig
from tests.train.small import Told


def recorded(inputs: Mapping[str, Artifact]) -> dict[str, str]:
    """Write the records that another process looks for, and return where the inputs lie."""
    for made in inputs.values():
        (made.path / RECORD_FILE).write_text(json.dumps(asdict(made.record)))
    return {name: str(made.path) for name, made in inputs.items()}


def request(
    folder: Path, inputs: Mapping[str, Artifact], config: PretrainConfig, processes: int = 1, **parallel: int
) -> Request:
    scratch = folder.with_name(f"{folder.name}.scratch")
    for place in (folder, scratch):
        place.mkdir(parents=True, exist_ok=True)
    return Request(
        step="train",
        run="ingot.train.run:pretrain",
        config=literals(config),
        inputs=recorded(inputs),
        sources={},
        folder=str(folder),
        scratch=str(scratch),
        cores=processes,
        processes=processes,
        parallel=parallel,
    )


def train(request: Request, told: Told | None = None) -> dict[str, Any]:
    return dict(Executor().run(request, told or Told(), Path(f"{request.folder}.log")))


def losses(folder: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (folder / "curve.jsonl").read_text().splitlines()]
