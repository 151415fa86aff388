from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from ingot.core.events import Event, EventLog, emitter, from_json, one_at_a_time, read_log


def test_every_sink_gets_every_event_stamped() -> None:
    first: list[Event] = []
    second: list[Event] = []
    emitter("run-1", "plan", first.append, second.append)("progress", done=1, total=2)
    assert first == second
    assert (first[0].run, first[0].step, first[0].kind, dict(first[0].fields)) == (
        "run-1",
        "plan",
        "progress",
        {"done": 1, "total": 2},
    )
    assert first[0].time > 0


def test_a_field_cannot_stand_for_what_stands_in_the_head() -> None:
    """It would take its place in the log, and the event would belong to no step."""
    with pytest.raises(TypeError, match="step"):
        emitter("run-1", "train")("metric", step=3, loss=1.0)


def test_an_event_survives_its_line() -> None:
    event = Event("note", "r", "s", 12.345, {"text": "naïve\n"})
    assert from_json(event.as_json()) == event
    assert "\n" not in event.as_json()


def test_a_torn_last_line_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "events.jsonl"
    log = EventLog(path)
    log(Event("note", fields={"text": "whole"}))
    log.close()
    with path.open("a") as file:
        file.write('{"kind": "note", "te')
    assert [event.fields["text"] for event in read_log(path)] == ["whole"]


def test_events_of_two_threads_reach_the_sinks_one_at_a_time() -> None:
    inside: list[int] = []
    most: list[int] = []

    def slow(event: Event) -> None:
        inside.append(1)
        time.sleep(0.001)
        most.append(len(inside))
        inside.pop()

    sink = one_at_a_time(slow)
    threads = [threading.Thread(target=lambda: [sink(Event("note")) for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 80
