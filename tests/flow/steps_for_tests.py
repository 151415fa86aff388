"""Tiny real steps for the runner's tests: they read and write files like any other step."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ingot.core.errors import InputError, KilledError, StepError
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


def spend(config: CountConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Stop at the limit the first time, as a training does, and say the second time what was told."""
    first = context.folder / "first.txt"
    if not first.exists():
        first.write_text("saved")
        raise StepError("the limit is reached")
    told = asdict(context.allowance)
    return {**told, "spent_joules": told["spent_joules"] > 0, "spent_seconds": told["spent_seconds"] > 0}


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


@dataclass(frozen=True)
class PartsConfig:
    count: int = 6
    gate: str = ""
    fails_at: int = -1


def write_parts(config: PartsConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Write parts one by one; the last one not before somebody opened the gate, where there is one."""
    context.emit("readable")
    for number in range(config.count):
        if number == config.count - 1 and config.gate:
            _wait_for(Path(config.gate))
        if number == config.fails_at:
            raise InputError(f"part {number} cannot be written", where="parts", fix="write another")
        part = context.folder / f"part{number}"
        part.with_suffix(".new").write_text(str(number))
        part.with_suffix(".new").rename(part)
    return {"parts": config.count}


@dataclass(frozen=True)
class CollectConfig:
    count: int = 6
    gate: str = ""
    fails_on: int = -1
    linger_seconds: float = 0.0


def collect_parts(config: CollectConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Read parts as they come, opening the gate at the first; linger before the last."""
    text = ""
    for number in range(config.count):
        part = inputs["parts"].path / f"part{number}"
        _wait_for(part)
        if config.gate:
            Path(config.gate).touch()
        if number == config.fails_on:
            raise InputError("odd part", where=str(part), fix="use even ones")
        if number == config.count - 1:
            time.sleep(config.linger_seconds)
        text += part.read_text()
    (context.folder / "all.txt").write_text(text)
    return {"parts": len(text), "was_early": "parts" in context.unfinished}


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)


def save_when_asked(config: SleepConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Work until asked to stop, then take a moment to save."""
    with context.stopping.minded():
        (context.folder / "started").touch()
        end = time.monotonic() + config.seconds
        while not context.stopping.is_asked() and time.monotonic() < end:
            context.emit("progress", done=1, total=2, unit="looks")
            time.sleep(0.02)
        time.sleep(0.5)
        (context.folder / "saved").touch()
    raise KilledError("asked to stop, and saved")
