"""The runner makes each artifact once, and again only when its identity changed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.allowance import Allowance
from ingot.core.errors import InputError, KilledError, StepError, UsageError
from ingot.core.events import Event
from ingot.flow.home import Home, damaged_files
from ingot.flow.planning import plan_step
from ingot.flow.runner import Options, run
from ingot.flow.runs import list_runs
from ingot.flow.step import Partial, Step
from tests.flow.steps_for_tests import CountConfig, SlowConfig, SumConfig, TroubleConfig

HERE = "tests.flow.steps_for_tests"


def graph(start: int = 1, factor: int = 1) -> tuple[Step, Step]:
    numbers = Step("numbers", "demo-numbers", "Dataset", f"{HERE}:count", CountConfig(start))
    total = Step(
        "total",
        "demo-total",
        "Report",
        f"{HERE}:add",
        SumConfig(factor=factor),
        inputs={"numbers": numbers},
        fields={"extra": numbers.field("nested.first")},
    )
    return numbers, total


def trouble(kind: str, signal: str = "SIGKILL", **changes: object) -> Step:
    step = Step("trouble", "demo-trouble", "Report", f"{HERE}:trouble", TroubleConfig(kind, signal))
    return replace(step, **changes)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_makes_artifacts_with_records(home: Home) -> None:
    outcome = run([graph()[1]], home)
    total = outcome.artifacts["total"]
    assert (total.path / "sum.txt").read_text() == "7"
    assert total.facts == {"sum": 7}
    assert total.reference == "demo-total@1"
    assert total.record.inputs == {"numbers": "demo-numbers@1"}
    assert total.record.decided_by == {"extra": "demo-numbers@1"}
    assert total.record.config == {"extra": 1, "factor": 1}
    assert total.record.seconds > 0
    assert damaged_files(total) == []
    assert list(home.work_path.iterdir()) == []


def test_second_run_makes_nothing(home: Home) -> None:
    first = run([graph()[1]], home)
    second = run([graph()[1]], home)
    assert set(second.reused) == {"numbers", "total"}
    assert second.artifacts["total"].path == first.artifacts["total"].path


def test_only_what_depends_on_a_change_is_made_again(home: Home) -> None:
    run([graph()[1]], home)
    outcome = run([graph(factor=2)[1]], home)
    assert outcome.reused == ("numbers",)
    assert outcome.artifacts["total"].reference == "demo-total@2"
    assert home.find("demo-total", outcome.artifacts["total"].fingerprint) is not None


def test_what_is_given_is_taken_as_it_is(home: Home) -> None:
    made = run([graph(start=4)[0]], home).artifacts["numbers"]
    given = Step("numbers", made.name, made.kind, "", {})
    outcome = run([replace(graph()[1], inputs={"numbers": given}, fields={})], home, given={"numbers": made})
    assert outcome.artifacts["numbers"] == made
    assert outcome.reused == ("numbers",)
    assert outcome.artifacts["total"].record.inputs == {"numbers": "demo-numbers@1"}
    assert outcome.artifacts["total"].record.input_fingerprints == {"numbers": made.fingerprint}


def test_going_back_finds_the_older_version(home: Home) -> None:
    run([graph()[1]], home)
    run([graph(factor=2)[1]], home)
    assert run([graph()[1]], home).artifacts["total"].reference == "demo-total@1"


def test_a_field_gives_its_value_to_identity_not_its_origin(home: Home) -> None:
    """A new version of the deciding step with the same fact leaves the decided step alone."""
    decider = Step("decider", "demo-decider", "Plan", f"{HERE}:count", CountConfig(5))
    decided = Step(
        "decided", "demo-decided", "Dataset", f"{HERE}:count", CountConfig(), fields={"start": decider.field("last")}
    )
    run([decided], home)
    outcome = run([decided], home, Options(redo=frozenset({"decider"})))
    assert outcome.reused == ("decided",)
    assert outcome.artifacts["decider"].reference == "demo-decider@2"


def test_a_missing_fact_names_the_nearest(home: Home) -> None:
    numbers = graph()[0]
    decided = Step(
        "decided", "demo-decided", "Dataset", f"{HERE}:count", CountConfig(), fields={"start": numbers.field("lost")}
    )
    with pytest.raises(UsageError, match="no fact 'lost'") as caught:
        run([decided], home)
    assert "last" in caught.value.fix


def test_an_error_of_a_step_arrives_whole(home: Home) -> None:
    with pytest.raises(InputError, match="the numbers are odd") as caught:
        run([trouble("error")], home)
    assert (caught.value.where, caught.value.fix) == ("numbers.txt", "use even ones")
    (failed,) = list_runs(home)
    assert failed.status == "failed"
    assert [(step.name, step.status) for step in failed.steps] == [("trouble", "failed")]
    assert home.versions("demo-trouble") == []


def test_a_bug_is_a_step_error_with_its_traceback_in_the_log(home: Home) -> None:
    with pytest.raises(StepError, match="ZeroDivisionError: by design"):
        run([trouble("bug")], home)
    log = home.runs_path / list_runs(home)[0].id / "trouble.log"
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize("signal", ["SIGKILL", "SIGTERM"])
def test_a_step_killed_from_outside_is_tried_again_and_resumes_in_its_folder(home: Home, signal: str) -> None:
    events: list[Event] = []
    outcome = run([trouble("killed once", signal, is_resumable=True)], home, sinks=[events.append])
    assert outcome.artifacts["trouble"].facts == {"attempts": 2}
    assert any(event.kind == "warning" and signal in event.fields["text"] for event in events)


@pytest.mark.parametrize("signal", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL"])
def test_a_crash_is_not_tried_again_and_its_log_says_where(home: Home, signal: str) -> None:
    """The same input would crash the same library again."""
    with pytest.raises(StepError, match=rf"crashed \({signal}\)") as caught:
        run([trouble("killed once", signal, is_resumable=True)], home)
    assert not isinstance(caught.value, KilledError)
    assert "Fatal Python error" in caught.value.why
    log = Path(caught.value.where).read_text()
    assert log.count("Fatal Python error") == 1
    assert "steps_for_tests.py" in log


def test_a_step_that_cannot_resume_starts_from_an_empty_folder(home: Home) -> None:
    with pytest.raises(KilledError, match="SIGKILL"):
        run([trouble("killed once")], home)
    assert home.versions("demo-trouble") == []


def test_two_runs_at_once_make_it_once(home: Home) -> None:
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(run([graph()[1]], home))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 2
    assert len(home.versions("demo-total")) == 1
    assert len(home.versions("demo-numbers")) == 1


def test_a_limit_and_what_was_spent_before_reach_the_step_and_change_nothing(home: Home) -> None:
    step = Step("spend", "spent", "Sum", "tests.flow.steps_for_tests:spend", CountConfig(), is_resumable=True)
    with pytest.raises(StepError, match="the limit is reached"):
        run([step], home, Options(allowance=Allowance(seconds=5.0)))
    made = run([step], home, Options(allowance=Allowance(joules=7.0, per_kwh=0.3))).artifacts["spend"]
    assert (made.facts["seconds"], made.facts["joules"], made.facts["per_kwh"]) == (0.0, 7.0, 0.3)
    assert made.facts["spent_seconds"]
    assert made.facts["spent_joules"]
    assert run([step], home).reused == ("spend",)


def test_unknown_option_names_the_nearest(home: Home) -> None:
    step = Step("numbers", "demo-numbers", "Dataset", f"{HERE}:count", {"strat": 1})
    with pytest.raises(UsageError, match="unknown option 'strat'") as caught:
        run([step], home)
    assert "start" in caught.value.fix


def test_a_partial_config_is_filled_by_facts(home: Home) -> None:
    numbers = graph()[0]
    filled = Step(
        "filled",
        "demo-filled",
        "Dataset",
        f"{HERE}:count",
        Partial(CountConfig, {}),
        fields={"start": numbers.field("last")},
    )
    assert run([filled], home).artifacts["filled"].record.config == {"start": 3}


def test_two_names_at_once_do_not_share_a_work_folder(home: Home) -> None:
    """The same step under two names has one fingerprint; each must fill a folder of its own."""
    config = SlowConfig(0.5, 8)
    steps = [Step("slow", name, "Dataset", f"{HERE}:write_slowly", config) for name in ("one", "two")]
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda step: run([step], home).artifacts["slow"], steps))
    assert [len(artifact.record.files) for artifact in made] == [8, 8]
    assert [damaged_files(artifact) for artifact in made] == [[], []]


def test_a_record_left_by_a_kill_is_not_taken_for_a_file(home: Home) -> None:
    home.create()
    step = trouble("none", is_resumable=True)
    folder = home.work_path / f"demo-trouble.{plan_step(step, {}, home).fingerprint}"
    folder.mkdir()
    (folder / "record.json").write_text("{}")
    artifact = run([step], home).artifacts["trouble"]
    assert "record.json" not in artifact.record.files
    assert damaged_files(artifact) == []
