"""A step whose pieces look a secret up, as masking with pseudonyms does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingot.core.secrets import read_secret
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.flow.tasks import Task, TaskContext


@dataclass(frozen=True)
class LookConfig:
    credential: str
    pieces: int = 3


def look(config: LookConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    request = {"credential": config.credential}
    tasks = [Task(f"{number:05}", request) for number in range(config.pieces)]
    found = context.tasks.run(f"{__name__}:look_here", tasks, context.folder / "shards")
    return {"digests": sorted({each["digest"] for each in found})}


def look_here(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    secret = read_secret(request["credential"], "credential").reveal()
    return {"digest": digest(secret)}


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
