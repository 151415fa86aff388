"""Steps that begin while their input is being written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.events import Event
from ingot.flow.home import Home, damaged_files
from ingot.flow.recipe_file import as_literals, steps_from_literals
from ingot.flow.runner import Options, run
from ingot.flow.runs import list_runs
from ingot.flow.step import Step
from tests.flow.steps_for_tests import CollectConfig, PartsConfig, SumConfig

HERE = "tests.flow.steps_for_tests"
OVERLAPPING = Options(overlaps=True)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def graph(gate: Path | None = None, fails_at: int = -1, fails_on: int = -1, linger_seconds: float = 0.0) -> Step:
    """A writer of six parts and its early reader. With a gate, the last part waits until the reader has seen one."""
    config = PartsConfig(6, str(gate or ""), fails_at)
    parts = Step("parts", "demo-parts", "Dataset", f"{HERE}:write_parts", config, is_resumable=True)
    return Step(
        "collected",
        "demo-collected",
        "Report",
        f"{HERE}:collect_parts",
        CollectConfig(6, str(gate or ""), fails_on, linger_seconds),
        inputs={"parts": parts},
        is_resumable=True,
        reads_early=("parts",),
    )


def unfinished(home: Home) -> set[str]:
    return {path.name.partition(".")[0] for path in home.work_path.iterdir() if path.is_dir()}


def test_the_reader_begins_before_the_writer_ends(home: Home, tmp_path: Path) -> None:
    """The writer's last part waits for the reader: without overlap this would never end."""
    outcome = run([graph(tmp_path / "gate")], home, OVERLAPPING)
    made = outcome.artifacts["collected"]
    assert (made.path / "all.txt").read_text() == "012345"
    assert made.facts == {"parts": 6, "was_early": True}
    assert made.record.inputs == {"parts": "demo-parts@1"}
    assert made.record.input_fingerprints == {"parts": outcome.artifacts["parts"].fingerprint}
    assert [damaged_files(artifact) for artifact in outcome.artifacts.values()] == [[], []]
    assert list(home.work_path.iterdir()) == []
    assert [step.status for step in list_runs(home)[0].steps] == ["made", "made"]


def test_early_or_not_is_no_part_of_what_it_is(home: Home, tmp_path: Path) -> None:
    early = run([graph()], home, OVERLAPPING)
    assert run([graph()], home).reused == ("parts", "collected")
    late = run([replace(graph(), reads_early=())], Home(tmp_path / "other"), OVERLAPPING)
    assert late.artifacts["collected"].facts["was_early"] is False
    for name in ("parts", "collected"):
        assert late.artifacts[name].fingerprint == early.artifacts[name].fingerprint
        assert late.artifacts[name].record.files == early.artifacts[name].record.files


def test_without_the_option_steps_follow_one_another(home: Home) -> None:
    events: list[Event] = []
    outcome = run([graph()], home, sinks=[events.append])
    assert outcome.artifacts["collected"].facts["was_early"] is False
    assert [(event.step, event.fields["status"]) for event in events if event.kind == "step"] == [
        ("parts", "started"),
        ("parts", "made"),
        ("collected", "started"),
        ("collected", "made"),
    ]


def test_files_are_found_after_the_writer_has_its_artifact(home: Home, tmp_path: Path) -> None:
    """The reader opens the last part by the same path when its writer is done."""
    made = run([graph(tmp_path / "gate", linger_seconds=1.0)], home, OVERLAPPING).artifacts["collected"]
    assert (made.path / "all.txt").read_text() == "012345"


def test_when_the_writer_fails_the_reader_ends_with_it(home: Home, tmp_path: Path) -> None:
    """It waits for a part that never comes; what both did so far is kept."""
    with pytest.raises(InputError, match="part 5 cannot be written"):
        run([graph(tmp_path / "gate", fails_at=5)], home, OVERLAPPING)
    assert home.versions("demo-collected") == []
    assert [step.status for step in list_runs(home)[0].steps] == ["failed", "failed"]
    assert unfinished(home) == {"demo-parts", "demo-collected"}


def test_when_the_reader_fails_it_is_said_at_once_and_the_writer_is_kept(home: Home, tmp_path: Path) -> None:
    events: list[Event] = []
    with pytest.raises(InputError, match="odd part"):
        run([graph(tmp_path / "gate", fails_on=0)], home, OVERLAPPING, [events.append])
    assert [artifact.reference for artifact in home.versions("demo-parts")] == ["demo-parts@1"]
    warnings = [event.fields["text"] for event in events if event.kind == "warning"]
    assert len(warnings) == 1
    assert "odd part" in warnings[0]
    assert "parts is finished first" in warnings[0]
    assert unfinished(home) == {"demo-collected"}


def test_a_killed_run_goes_on_and_leaves_nothing_behind(home: Home, tmp_path: Path) -> None:
    """Killed when the writer is finished and the reader is not: the writer's unfinished folder goes the next time."""
    gate = tmp_path / "gate"
    script = (
        "from pathlib import Path\n"
        "from ingot.flow.home import Home\n"
        "from ingot.flow.runner import run\n"
        "from tests.flow.test_early import OVERLAPPING, graph\n"
        f"run([graph(Path({str(gate)!r}), linger_seconds=60.0)], Home(Path({str(home.path)!r})), OVERLAPPING)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    while not home.versions("demo-parts"):
        assert child.poll() is None
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert unfinished(home) == {"demo-parts", "demo-collected"}
    outcome = run([replace(graph(gate), config=CollectConfig(6))], home, OVERLAPPING)
    assert outcome.reused == ("parts",)
    assert unfinished(home) == {"demo-collected"}  # of the lingering one; its identity is another


def test_what_a_kill_amid_the_commit_leaves_goes_the_next_time(home: Home) -> None:
    """The artifact has its name, and nothing beside its work folder was removed yet."""
    made = run([graph()], home, OVERLAPPING).artifacts["parts"]
    folder = home.work_path / f"{made.record.name}.{made.fingerprint}"
    (home.work_path / f"{folder.name}.scratch" / "inputs").mkdir(parents=True)
    (home.work_path / f"{folder.name}.spent.json").write_text("{}")
    assert run([graph()], home, OVERLAPPING).reused == ("parts", "collected")
    assert list(home.work_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reads_early": ("part",)}, "no input 'part'"),
        ({"inputs": {"parts": Step("x", "x", "Dataset", f"{HERE}:count", SumConfig())}}, "cannot be read early"),
    ],
    ids=["unknown", "cannot resume"],
)
def test_what_cannot_be_read_early_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        replace(graph(), **changes)
    assert caught.value.fix


def test_a_fact_of_the_input_is_known_too_late() -> None:
    step = graph()
    with pytest.raises(UsageError, match="cannot be read early") as caught:
        replace(step, fields={"count": step.inputs["parts"].field("parts")})
    assert "'count' is a fact of it" in caught.value.why


def test_a_recipe_file_says_it() -> None:
    literals = as_literals([graph()])
    assert literals["steps"]["collected"]["reads_early"] == ["parts"]
    assert steps_from_literals(literals["steps"], "recipe")[-1].reads_early == ("parts",)
