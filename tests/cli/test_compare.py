"""Models that were asked the same are compared; of others it is said what each was asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.cli.main import run
from ingot.evaluate.results import Result
from ingot.flow.home import Home
from tests.evaluate.small_build import artifact


def keep(home: Home, place: Path, model: str, tasks: Sequence[str]) -> None:
    """Put a model and evaluations of it into the home, as runs would have."""
    for name in (model, *(f"{model}-{task}" for task in tasks)):
        folder = place / name
        folder.mkdir()
        inputs = {} if name == model else {"model": f"{model}@1", "task": f"{name.removeprefix(f'{model}-')}-task@1"}
        scores = [float(number % len(model) > 0) for number in range(30)]
        lines = (Result(str(n), "", str(n), str(score), "1.0", {"accuracy": score}) for n, score in enumerate(scores))
        (folder / "results.jsonl").write_text("".join(line.as_line() for line in lines))
        (folder / "metrics.json").write_text("{}")
        made = artifact(name, folder, {"task": "exam", "task_version": 1}).record
        home.commit(folder, replace(made, kind="Evaluation" if inputs else "Checkpoint", inputs=inputs))


@pytest.fixture
def home(tmp_path: Path, ingot_home: Path) -> Home:
    home = Home(ingot_home)
    home.create()
    place = tmp_path / "made"
    place.mkdir()
    keep(home, place, "old", ["law", "maths"])
    keep(home, place, "fresh", ["law"])
    keep(home, place, "third", ["physics"])
    return home


def test_two_models_are_compared_on_what_both_were_asked(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "old", "fresh", "--json"]) == 0
    (told,) = [each for line in capsys.readouterr().out.splitlines() if (each := json.loads(line))["kind"] == "summary"]
    assert told["inputs"] == {"first": "old-law@1", "second": "fresh-law@1"}
    assert told["items"] == 30
    assert len(told["changed_items"]) == told["changed"] > 0
    assert run(["compare", "old-law", "fresh-law"]) == 0
    out = capsys.readouterr().out
    assert "old-law@1 and fresh-law@1: 30 items in common" in out
    assert f"{told['changed']} items changed" in out


def test_what_cannot_be_compared_is_said(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    told = {
        ("old", "third"): "old@1: law, maths; third@1: physics",
        ("old", "old"): "one and the same",
        ("old-law", "old"): "one and the same",
        ("old", "fresh", "--task", "maths"): "not both asked 'maths'",
        ("old", "nobody"): "nobody",
    }
    for words, what in told.items():
        assert run(["compare", *words]) == 2, words
        assert what in capsys.readouterr().err, words
