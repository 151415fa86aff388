from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ingot.cli.main import run
from ingot.flow.home import Home


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "a.txt").write_text("News of the day.\n" * 100)
    (tmp_path / "faq.jsonl").write_text(json.dumps({"question": "Who?", "answer": "Nobody."}) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


ASKED = ["evidence", "--questions", "faq.jsonl", "--general", "news", "--name", "acme"]


def test_the_graph_is_shown_and_written(place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [*ASKED, "--arms", "all", "--minutes", "50", "--home", str(ingot_home)]
    assert run([*asked, "--dry-run", "--write-recipe", "acme.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "5 trainings of" in shown
    assert "Nothing was run" in shown
    steps = yaml.safe_load((place / "acme.yaml").read_text())["steps"]
    assert steps["evidence"]["artifact"] == "acme"
    assert steps["plan"]["config"]["seconds"] == 450.0
    assert run(["run", "acme.yaml", "--dry-run", "--home", str(ingot_home)]) == 0
    assert not Home(ingot_home).versions("acme")


def test_own_is_always_among_the_arms(place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ASKED, "--arms", "mixed", "--dry-run", "--json", "--home", str(ingot_home)]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert {"own-seed-0", "mixed-seed-0"} <= set(steps)
    assert "general-seed-0" not in steps


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--arms", "own,mixd"], "there is no arm 'mixd'"),
        (["--arms", "own"], "one arm alone is no comparison"),
        (["--minutes", "0"], "--minutes"),
        (["--seeds", "0"], "--seeds"),
    ],
)
def test_what_cannot_be_is_told(
    place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    assert run([*ASKED, *more, "--dry-run", "--home", str(ingot_home)]) != 0
    assert told in capsys.readouterr().err


def test_without_text_of_ones_own(place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evidence", "--general", "news", "--name", "acme", "--home", str(ingot_home)]) != 0
    assert "there is nothing of your own to learn from" in capsys.readouterr().err
