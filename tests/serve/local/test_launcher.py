"""What a launcher sees of trainings that went wrong; trainings that go well are in routes/test_fine_tuning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ingot.core.config import literals
from ingot.core.errors import InputError, UsageError
from ingot.flow.home import Home
from ingot.model.convert import read_config
from ingot.serve.local.launcher import HomeLauncher
from ingot.serve.local.trainer import TRAININGS
from ingot.serve.ports import TrainingOrder
from tests.registry.made import add
from tests.serve.running import eventually

TALK = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
ORDER = TrainingOrder("ft-acme-1", "acme@1")


@pytest.fixture
def home(tmp_path: Path, files: dict[str, Path]) -> Home:
    home = Home(tmp_path / "home")
    sizes = literals(read_config(files["config.json"].parent))
    add(home, "acme", files=files, facts={"kind": "base", "model": sizes})
    return home


@pytest.fixture
def launcher(home: Home) -> Iterator[HomeLauncher]:
    launcher = HomeLauncher(home, lambda name, owner, is_new: None)
    yield launcher
    launcher.close()


def test_a_training_that_never_began_is_lost_and_one_that_is_unknown_too(launcher: HomeLauncher) -> None:
    launcher.prepare(ORDER, [TALK], None)
    assert launcher.look(ORDER.name).status == "lost"
    assert launcher.look("another").status == "lost"
    launcher.stop(ORDER.name)
    assert launcher.events(ORDER.name) == launcher.points(ORDER.name) == []


def test_a_process_that_ends_before_its_run_says_why(home: Home, launcher: HomeLauncher) -> None:
    launcher.prepare(ORDER, [TALK], None)
    path = home.path / TRAININGS / ORDER.name / "order.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "base": "gone@1"}))
    launcher.begin(ORDER.name)
    eventually(lambda: launcher.look(ORDER.name).status != "running")
    seen = launcher.look(ORDER.name)
    assert seen.status == "failed"
    assert "gone" in seen.error


def test_a_process_that_is_killed_before_its_run_is_lost_and_not_failed(launcher: HomeLauncher) -> None:
    launcher.prepare(ORDER, [TALK], None)
    before = set(psutil.Process().children())
    launcher.begin(ORDER.name)
    (process,) = set(psutil.Process().children()) - before
    process.kill()
    eventually(lambda: launcher.look(ORDER.name).status != "running")
    assert launcher.look(ORDER.name).status == "lost"


def test_what_cannot_be_prepared_leaves_nothing(home: Home, launcher: HomeLauncher) -> None:
    add(home, "bare", facts={"kind": "base"})
    with pytest.raises(InputError, match="cannot be trained on"):
        launcher.prepare(TrainingOrder("ft-bare", "bare@1"), [TALK], None)
    with pytest.raises(UsageError, match="cannot be a name"):
        launcher.prepare(TrainingOrder("../x", "acme@1"), [TALK], None)

    def broken() -> Iterator[dict[str, object]]:
        yield TALK
        raise InputError("line 2 is none")

    with pytest.raises(InputError, match="line 2"):
        launcher.prepare(ORDER, broken(), None)
    assert not list(home.path.glob(f"{TRAININGS}/*"))


def test_what_was_told_is_read_back_and_torn_lines_are_not(home: Home, launcher: HomeLauncher) -> None:
    launcher.prepare(ORDER, [TALK], [TALK])
    launcher.tell(ORDER.name, "grüß dich")
    with (home.path / TRAININGS / ORDER.name / "story.jsonl").open("a") as file:
        file.write('{"id": "ftevent-1", "cre')
    (event,) = launcher.events(ORDER.name)
    assert (event.message, event.level, event.metrics) == ("grüß dich", "info", None)
    launcher.clear(ORDER.name, is_finished=False)
    assert [path.name for path in (home.path / TRAININGS / ORDER.name).iterdir()] == ["story.jsonl"]
