"""A secret named `env:NAME` reaches the processes of this machine by inheritance, and nothing that is written down."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.flow.executors.ray import perform_literals
from ingot.flow.home import Home
from ingot.flow.runner import Options, run
from ingot.flow.step import Step
from ingot.flow.worker import Reporter
from tests.flow.secrets_for_tests import LookConfig, digest

SECRET = "hunter2-and-nobody-else"
LOOK = "tests.flow.secrets_for_tests:look"


@pytest.mark.parametrize("pieces", [1, 3])
def test_pieces_of_a_step_look_up_a_variable_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    monkeypatch.setenv("ACME_KEY", SECRET)
    step = Step("look", "x-look", "Look", LOOK, LookConfig("env:ACME_KEY", pieces))
    outcome = run([step], Home(tmp_path), Options(cores=2))
    assert outcome.artifacts["look"].facts["digests"] == [digest(SECRET)]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(b"env:ACME_KEY" in path.read_bytes() for path in written)
    assert not [path for path in written if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("pieces", [1, 3])
def test_on_a_cluster_it_is_refused_before_two_nodes_mean_two_things_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (pip install 'ingot[ray]')")
    monkeypatch.setenv("ACME_KEY", SECRET)
    step = Step("look", "x-look", "Look", LOOK, LookConfig("env:ACME_KEY", pieces))
    with pytest.raises(InputError, match="cannot be used here") as caught:
        run([step], Home(tmp_path), Options(executor="ray", cores=1))
    assert "file:PATH" in caught.value.fix
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()]


def test_a_file_is_read_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET)
    call = {
        "run": "tests.flow.secrets_for_tests:look_here",
        "name": "00000",
        "request": {"credential": f"file:{tmp_path / 'key'}"},
        "out": str(tmp_path),
    }
    assert perform_literals(call)["facts"]["digest"] == digest(SECRET)


class _Kept(io.StringIO):
    """A pipe that can be read after it was closed."""

    def close(self) -> None: ...


@pytest.mark.parametrize(("joules", "is_told"), [(5_000.0, True), (None, False)])
def test_what_a_crew_spends_is_told_with_what_its_step_spends(joules: float | None, is_told: bool) -> None:
    pipe = _Kept()
    reporter = Reporter(pipe)
    reporter.emit("note", text="together")
    reporter.emit("spent_by_crew", joules=joules, method="partly estimated")
    reporter.close({"kind": "facts", "facts": {}})
    note, spent, facts = (json.loads(line) for line in pipe.getvalue().splitlines())
    assert (note["kind"], spent["kind"], facts["kind"]) == ("note", "spent", "facts")
    assert spent["method"] == "partly estimated"
    assert (spent["joules"] or 0) >= 5_000 if is_told else spent["joules"] is None
