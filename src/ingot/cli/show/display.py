"""One live display of a run: every stage with its state, the numbers that move, the time left, the energy so far.

On a terminal it redraws in place; without one it prints a plain line when something worth a line happens; with --json
it prints every event. All three are fed by the same events.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ingot.cli.show.printable import printable
from ingot.cli.show.words import as_duration, as_energy, as_number
from ingot.core.energy import sum_of
from ingot.core.events import Event

_PLAIN_EVERY_SECONDS = 10.0
_MARKS = {"waiting": "·", "running": "▸", "made": "✓", "reused": "="}
_STYLES = {"waiting": "dim", "running": "bold", "made": "green", "reused": "cyan"}


class Display(Protocol):
    """Something that shows events as they come, and can say a line of its own."""

    def show(self, event: Event) -> None: ...

    def say(self, text: str) -> None: ...


@contextlib.contextmanager
def open_display(as_json: bool, title: str) -> Iterator[Display]:
    """Give the display that fits where the output goes: JSON lines, plain lines, or the live one."""
    console = _Console(highlight=False)
    if as_json:
        yield JsonDisplay()
    elif not console.is_terminal:
        yield PlainDisplay(console)
    else:
        live = LiveDisplay(console, title)
        with live.live:
            yield live


class _Console(Console):
    """A console that leaves it to the command line what happens when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError at hand; rich would end the process


class JsonDisplay:
    """Every event as one line of JSON."""

    def show(self, event: Event) -> None:
        """Print the event."""
        print(event.as_json(), flush=True)

    def say(self, text: str) -> None:
        """Print a note as an event."""
        self.show(Event("note", time=time.time(), fields={"text": text}))


@dataclass
class Stage:
    """What is known of one step while it runs."""

    name: str
    status: str = "waiting"
    progress: Mapping[str, Any] = field(default_factory=dict)
    metric: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    joules: float | None = 0.0
    method: str = ""
    began: float = 0.0
    has_resumed_at: float = 0.0

    def update(self, event: Event) -> None:
        """Take in one event of this step."""
        if event.kind == "progress":
            if not self.progress:
                self.has_resumed_at = float(event.fields["done"])
                self.began = event.time
            self.progress = event.fields
        elif event.kind == "metric":
            self.metric = {**self.metric, **event.fields}
        elif event.kind == "spent":
            self.seconds, self.joules = event.fields["seconds"], event.fields["joules"]
            self.method = event.fields["method"]
        elif event.kind == "step":
            self.status = {"started": "running"}.get(event.fields["status"], event.fields["status"])
            self.seconds = event.fields.get("seconds", self.seconds)
            self.joules = event.fields.get("joules", self.joules)
            self.method = event.fields.get("method", self.method)

    def seconds_left(self, now: float) -> float | None:
        """Return the time left at the pace so far, or None while there is no pace."""
        done, total = self.progress.get("done", 0), self.progress.get("total", 0)
        fresh = done - self.has_resumed_at
        if not total or fresh <= 0 or now <= self.began:
            return None
        return float((now - self.began) / fresh * (total - done))

    def describe(self, now: float) -> str:
        """Return the numbers of this stage as one line."""
        parts = []
        if self.progress:
            done, total = self.progress["done"], self.progress.get("total")
            of_total = f" of {as_number(total)}" if total else ""
            parts.append(f"{as_number(done)}{of_total} {self.progress.get('unit', '')}".strip())
        if "loss" in self.metric:
            parts.append(f"loss {self.metric['loss']:.3f}")
        if "held_out_bits_per_byte" in self.metric:
            parts.append(f"held-out {self.metric['held_out_bits_per_byte']:.3f} bits per byte")
        if "tokens_per_second" in self.metric:
            parts.append(f"{as_number(self.metric['tokens_per_second'])} tokens/s")
        if self.metric.get("tokens_per_joule") is not None:
            parts.append(f"{as_number(self.metric['tokens_per_joule'])} tokens/J ({self.metric['energy']})")
        left = self.seconds_left(now)
        if left is not None and self.status == "running":
            parts.append(f"{as_duration(left)} left")
        return ", ".join(parts)


@dataclass
class PlainDisplay:
    """A line when a stage starts, ends, warns, fails a file, and every ten seconds while it works."""

    console: Console
    stages: dict[str, Stage] = field(default_factory=dict)
    last_line: float = 0.0

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(printable(text), markup=False, soft_wrap=True)

    def show(self, event: Event) -> None:
        """Print the event if it is worth a line."""
        if not event.step:
            return
        stage = self.stages.setdefault(event.step, Stage(event.step))
        stage.update(event)
        if event.kind == "step":
            self.say(_step_line(stage, event))
        elif event.kind in ("note", "warning", "failure"):
            self.say(f"  {stage.name}: {_message(event)}")
        elif event.kind in ("progress", "metric") and event.time - self.last_line > _PLAIN_EVERY_SECONDS:
            self.last_line = event.time
            self.say(f"  {stage.name}: {stage.describe(event.time)}")


@dataclass
class LiveDisplay:
    """All stages redrawn in place, with the last messages above them."""

    console: Console
    title: str
    stages: dict[str, Stage] = field(default_factory=dict)
    started: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        self.live = Live(console=self.console, get_renderable=self._render, refresh_per_second=4, transient=False)

    def say(self, text: str) -> None:
        """Print a line above the stages."""
        self.live.console.print(Text(printable(text)))

    def show(self, event: Event) -> None:
        """Take the event in; messages are printed above the stages."""
        if event.kind == "run" and event.fields.get("status") == "started":
            self.stages = {name: Stage(name) for name in event.fields["steps"]}
        if not event.step:
            return
        stage = self.stages.setdefault(event.step, Stage(event.step))
        stage.update(event)
        if event.kind in ("note", "warning", "failure"):
            self.say(f"{stage.name}: {_message(event)}")

    def _render(self) -> RenderableType:
        now = time.time()
        table = Table.grid(padding=(0, 2))
        for stage in self.stages.values():
            style = _STYLES.get(stage.status, "")
            spent = as_duration(stage.seconds) if stage.status in ("made", "running") and stage.seconds else ""
            detail = "made before" if stage.status == "reused" else stage.describe(now)
            table.add_row(
                Text(f"{_MARKS.get(stage.status, ' ')} {stage.name}", style), Text(detail), Text(spent, "dim")
            )
        return Group(Text(self.title, "bold"), table, Text(self._totals(now), "dim"))

    def _totals(self, now: float) -> str:
        worked = [stage for stage in self.stages.values() if stage.status in ("made", "running")]
        methods = sorted({stage.method for stage in worked if stage.method})
        energy = as_energy(sum_of(stage.joules for stage in worked), "/".join(methods) or "estimated")
        return f"{as_duration(now - self.started)} so far, {energy}"


def _step_line(stage: Stage, event: Event) -> str:
    status = event.fields["status"]
    if status == "started":
        return f"▸ {stage.name}"
    artifact = event.fields["artifact"]
    if status == "reused":
        return f"= {stage.name}: {artifact} was made before"
    energy = as_energy(stage.joules, stage.method)
    return f"✓ {stage.name}: {artifact} in {as_duration(stage.seconds)}, {energy}"


def _message(event: Event) -> str:
    if event.kind == "failure":
        return f"could not read {event.fields.get('uri', '')}: {event.fields.get('reason', '')}"
    return str(event.fields.get("text", ""))
