from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from ingot.cli.show.display import JsonDisplay, LiveDisplay, PlainDisplay, Stage
from ingot.core.events import Event

EVENTS = [
    Event("run", "r", "", 100.0, {"status": "started", "steps": ["documents", "checkpoint"]}),
    Event("step", "r", "documents", 100.0, {"status": "started"}),
    Event("failure", "r", "documents", 101.0, {"uri": "a.pdf", "reason": "it needs a password"}),
    Event(
        "step",
        "r",
        "documents",
        102.0,
        {"status": "made", "artifact": "acme-documents@1", "seconds": 2.0, "joules": 36.0, "method": "estimated"},
    ),
    Event("step", "r", "checkpoint", 102.0, {"status": "started"}),
    Event("progress", "r", "checkpoint", 102.0, {"done": 10, "total": 100, "unit": "steps"}),
    Event("progress", "r", "checkpoint", 122.0, {"done": 30, "total": 100, "unit": "steps"}),
    Event("metric", "r", "checkpoint", 122.0, {"loss": 3.14159, "tokens_per_second": 12345.0}),
]


def played(display: PlainDisplay | LiveDisplay) -> str:
    for event in EVENTS:
        display.show(event)
    output = display.console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_plain_lines_say_what_happened_and_what_failed() -> None:
    shown = played(PlainDisplay(Console(file=io.StringIO(), width=200)))
    assert "✓ documents: acme-documents@1 in 2 s, 0.01 Wh (estimated)" in shown
    assert "could not read a.pdf: it needs a password" in shown
    assert "30 of 100 steps" in shown


def test_the_live_display_shows_every_stage_and_the_numbers() -> None:
    display = LiveDisplay(Console(file=io.StringIO(), width=200, force_terminal=True), "Building acme")
    played(display)
    screen = Console(file=io.StringIO(), width=200)
    screen.print(display._render())
    shown = screen.file.getvalue()
    for part in ("Building acme", "✓ documents", "▸ checkpoint", "30 of 100 steps", "loss 3.142", "12.3 k tokens/s"):
        assert part in shown
    assert "(estimated)" in shown


def test_time_left_counts_only_what_this_run_did() -> None:
    """Resumed at 10 of 100, 20 done in 20 seconds: 70 to go is 70 seconds."""
    stage = Stage("checkpoint")
    for event in EVENTS[4:]:
        stage.update(event)
    assert stage.seconds_left(122.0) == pytest.approx(70.0)


def test_json_lines_are_the_events(capsys: pytest.CaptureFixture[str]) -> None:
    for event in EVENTS:
        JsonDisplay().show(event)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["kind"] for line in lines] == [event.kind for event in EVENTS]
    assert lines[2]["uri"] == "a.pdf"


def test_names_of_files_command_no_terminal() -> None:
    event = Event("failure", "r", "documents", 101.0, {"uri": "a\x1b[31m\x07.pdf", "reason": "it is\x1b[2J empty"})
    plain = PlainDisplay(Console(file=io.StringIO(), width=200))
    live = LiveDisplay(Console(file=io.StringIO(), width=200), "Building acme")
    for display in (plain, live):
        display.show(event)
        output = display.console.file
        assert isinstance(output, io.StringIO)
        assert "could not read a·[31m·.pdf: it is·[2J empty" in output.getvalue()
