"""Tiny real steps for the runner's tests: they read and write files like any other step."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext


@dataclass(frozen=True)
class CountConfig:
    start: int = 1


@dataclass(frozen=True)
class SumConfig:
    extra: int = 0
    factor: int = 1


@dataclass(frozen=True)
class TroubleConfig:
    kind: str = "error"
    signal: str = "SIGKILL"


def count(config: CountConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    (context.folder / "numbers.txt").write_text("\n".join(str(config.start + i) for i in range(3)))
    context.emit("progress", done=3, total=3, unit="numbers")
    return {"last": config.start + 2, "nested": {"first": config.start}}


def add(config: SumConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    numbers = (inputs["numbers"].path / "numbers.txt").read_text().split()
    total = sum(int(number) for number in numbers) * config.factor + config.extra
    (context.folder / "sum.txt").write_text(str(total))
    return {"sum": total}


def read_source(config: CountConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    text = "".join(Path(item.locator).read_text() for item in context.sources["documents"].items)
    (context.folder / "all.txt").write_text(text)
    return {"characters": len(text)}


def trouble(config: TroubleConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    seen = context.folder / "attempts.txt"
    attempts = int(seen.read_text()) + 1 if seen.exists() else 1
    seen.write_text(str(attempts))
    if config.kind == "error":
        raise InputError("the numbers are odd", where="numbers.txt", fix="use even ones")
    if config.kind == "bug":
        raise ZeroDivisionError("by design")
    if config.kind == "killed" or (config.kind == "killed once" and attempts == 1):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.Signals[config.signal])
    return {"attempts": attempts}


@dataclass(frozen=True)
class SleepConfig:
    seconds: float = 1.0


def sleep(config: SleepConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    (context.folder / "started").touch()
    time.sleep(config.seconds)
    return {}


@dataclass(frozen=True)
class SlowConfig:
    seconds: float = 0.5
    files: int = 8


def write_slowly(config: SlowConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    for number in range(config.files):
        (context.folder / f"part{number}").write_text(str(number))
        time.sleep(config.seconds / config.files)
    return {}
