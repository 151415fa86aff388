"""Pieces of a step: done once, whoever does them, whatever dies."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, KilledError, StepError
from ingot.flow import process_pool
from ingot.flow.process_pool import ProcessPool
from ingot.flow.tasks import NOTE_FILE, Pool, Task, Tasks

HERE = "tests.flow.tasks_for_tests"


class Told(list[tuple[str, dict[str, Any]]]):
    """Remembers events."""

    def __call__(self, kind: str, /, **fields: Any) -> None:
        self.append((kind, fields))


@pytest.fixture(params=["this process", "two processes"])
def open_pool(request: pytest.FixtureRequest) -> Callable[[int], Pool] | None:
    return None if request.param == "this process" else ProcessPool


def made(open_pool: Callable[[int], Pool] | None, told: Told) -> Tasks:
    return Tasks(cores=2, emit=told) if open_pool is None else Tasks(open_pool, 2, told)


def numbers(tmp_path: Path, count: int, **more: Any) -> list[Task]:
    journal = str(tmp_path / "journal")
    return [Task(f"{number:05}", {"number": number, "journal": journal, **more}) for number in range(count)]


def done_by(tmp_path: Path) -> list[int]:
    return sorted(int(line.split()[0]) for line in (tmp_path / "journal").read_text().splitlines())


def test_facts_come_in_order_and_folders_hold_the_files(
    tmp_path: Path, open_pool: Callable[[int], Pool] | None
) -> None:
    told = Told()
    facts = made(open_pool, told).run(f"{HERE}:double", numbers(tmp_path, 5), tmp_path / "out")
    assert [each["result"] for each in facts] == [0, 2, 4, 6, 8]
    assert [(tmp_path / "out" / f"{n:05}" / "number.txt").read_text() for n in range(5)] == ["0", "2", "4", "6", "8"]
    assert sorted(fields["uri"] for kind, fields in told if kind == "failure") == [f"{n}.txt" for n in range(5)]
    assert [fields["done"] for kind, fields in told if kind == "progress"] == [1, 2, 3, 4, 5]


def test_finished_pieces_are_not_done_again(tmp_path: Path, open_pool: Callable[[int], Pool] | None) -> None:
    tasks = numbers(tmp_path, 4)
    made(open_pool, Told()).run(f"{HERE}:double", tasks[:2], tmp_path / "out")
    (tmp_path / "out" / ".00002.abc.tmp").mkdir()  # as a killed worker leaves it
    told = Told()
    facts = made(open_pool, told).run(f"{HERE}:double", tasks, tmp_path / "out")
    assert done_by(tmp_path) == [0, 1, 2, 3]
    assert [each["result"] for each in facts] == [0, 2, 4, 6]
    assert sorted(fields["uri"] for kind, fields in told if kind == "failure") == [f"{n}.txt" for n in range(4)]
    assert not list((tmp_path / "out").glob(".*"))


def test_another_request_or_a_torn_note_is_done_again(tmp_path: Path) -> None:
    tasks = Tasks()
    tasks.run(f"{HERE}:double", numbers(tmp_path, 3), tmp_path / "out")
    (tmp_path / "out" / "00001" / NOTE_FILE).write_text("{")
    changed = [*numbers(tmp_path, 2), Task("00002", {"number": 7, "journal": str(tmp_path / "journal")})]
    facts = tasks.run(f"{HERE}:double", changed, tmp_path / "out")
    assert done_by(tmp_path) == [0, 1, 1, 2, 7]
    assert [each["result"] for each in facts] == [0, 2, 14]


def test_a_refusal_reaches_the_step_and_what_was_finished_stays(
    tmp_path: Path, open_pool: Callable[[int], Pool] | None
) -> None:
    with pytest.raises(InputError, match="three is not wanted"):
        made(open_pool, Told()).run(f"{HERE}:refuse", numbers(tmp_path, 4), tmp_path / "out")
    assert not (tmp_path / "out" / "00003").exists()
    facts = made(open_pool, Told()).run(f"{HERE}:double", numbers(tmp_path, 4), tmp_path / "out")
    assert [each["result"] for each in facts] == [0, 2, 4, 6]


def test_a_bug_is_told_with_its_place(tmp_path: Path, open_pool: Callable[[int], Pool] | None) -> None:
    with pytest.raises(StepError, match="ZeroDivisionError: a bug") as caught:
        made(open_pool, Told()).run(f"{HERE}:break_down", numbers(tmp_path, 2), tmp_path / "out")
    assert caught.value.where == f"{HERE}:break_down"


def test_a_dead_worker_costs_one_more_attempt(tmp_path: Path) -> None:
    facts = Tasks(ProcessPool, 2, Told()).run(f"{HERE}:die_at_first", numbers(tmp_path, 6), tmp_path / "out")
    assert [each["result"] for each in facts] == [0, 2, 4, 6, 8, 10]
    assert set(done_by(tmp_path)) == set(range(6))
    assert not list((tmp_path / "out").glob(".*")), "what the dead worker had begun is still there"


def test_a_worker_that_always_dies_is_given_up(tmp_path: Path) -> None:
    tasks = numbers(tmp_path, 3, always=True)
    with pytest.raises(KilledError, match="ended 3 times from outside"):
        Tasks(ProcessPool, 2, Told()).run(f"{HERE}:die_at_first", tasks, tmp_path / "out")


def test_work_goes_to_several_processes(tmp_path: Path) -> None:
    Tasks(ProcessPool, 2, Told()).run(f"{HERE}:double", numbers(tmp_path, 6, seconds=0.3), tmp_path / "out")
    workers = {line.split()[1] for line in (tmp_path / "journal").read_text().splitlines()}
    assert len(workers) == 2


def test_workers_are_replaced_so_that_memory_does_not_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "CALLS_OF_A_WORKER", 2)
    Tasks(ProcessPool, 2, Told()).run(f"{HERE}:double", numbers(tmp_path, 9), tmp_path / "out")
    assert done_by(tmp_path) == list(range(9))
    workers = {line.split()[1] for line in (tmp_path / "journal").read_text().splitlines()}
    assert len(workers) >= 3  # of two at a time


def test_pieces_of_an_earlier_version_are_taken_over(tmp_path: Path) -> None:
    tasks = numbers(tmp_path, 3)
    Tasks().run(f"{HERE}:double", tasks, tmp_path / "1" / "shards")
    moved = [Task(f"{number:05}", task.request) for number, task in enumerate([*numbers(tmp_path, 4)[3:], *tasks])]
    told = Told()
    facts = Tasks(emit=told, earlier=tmp_path / "1").run(f"{HERE}:double", moved, tmp_path / "2" / "shards")
    assert [each["result"] for each in facts] == [6, 0, 2, 4]
    assert done_by(tmp_path) == [0, 1, 2, 3]
    assert (tmp_path / "2/shards/00003/number.txt").read_text() == "4"
    notes = {
        path.parent.name: json.loads(path.read_text())["name"] for path in tmp_path.glob(f"*/shards/*/{NOTE_FILE}")
    }
    assert all(name == said for name, said in notes.items())
    assert sorted(fields["uri"] for kind, fields in told if kind == "failure") == [f"{n}.txt" for n in range(4)]
