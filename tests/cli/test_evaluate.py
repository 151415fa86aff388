"""What cannot be asked is said before anything runs. Whole evaluations are in tests/docs/test_evaluation.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.cli.main import run
from ingot.flow.home import Home
from tests.evaluate.small_build import artifact


@pytest.fixture
def model(tmp_path: Path, ingot_home: Path) -> str:
    """Keep something that is called a model; nothing here comes to the point of opening it."""
    home = Home(ingot_home)
    home.create()
    for name, kind in (("general", "Checkpoint"), ("letters", "Dataset")):
        folder = tmp_path / name
        folder.mkdir()
        home.commit(folder, replace(artifact(name, folder, {}).record, kind=kind))
    return "general"


def test_what_cannot_be_asked_is_said(model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exam = tmp_path / "exam.csv"
    exam.write_text("question,answer\nWho?,me\n")
    told = {
        ("evaluate", model): "say what to ask, once",
        ("evaluate", model, "--task", "questoins", "--data", str(exam)): "no task named",
        ("evaluate", model, "--task", "questions", "--data", str(exam), "--option", "anser=1"): "anser",
        ("evaluate", model, "--task", "questions", "--data", str(exam), "--option", "answer"): "is no option",
        ("evaluate", model, "--task", "questions", "--data", str(exam), "--option", "answer=["): "cannot be read",
        ("evaluate", model, "--task", "documents"): "there is nothing to ask",
        ("evaluate", "nobody", "--task", "questions", "--data", str(exam)): "nobody",
    }
    for words, what in told.items():
        assert run(list(words)) == 2, words
        assert what in capsys.readouterr().err, words
    assert run(["evaluate", "letters", "--task", "questions", "--data", str(exam)]) == 3
    assert "is a Dataset, which answers nothing" in capsys.readouterr().err
