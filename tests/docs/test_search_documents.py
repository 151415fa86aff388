"""The page on searching does what it says: an index of files, a question, and how good it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ingot.cli.main import run

LEASE = "The lease ends in May.\n\nThe landlord may end it early when the tenant keeps bees.\n"
RENT = "Rent is due on the first day of the month.\n"


@pytest.fixture
def place(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the page's documents and its questions."""
    page = (repository / "docs/how-to/search-documents.md").read_text(encoding="utf-8")
    [questions, passages] = re.findall(r"^```csv\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "questions.csv").write_text(questions)
    (tmp_path / "passages.csv").write_text(passages)
    docs = tmp_path / "my-docs"
    docs.mkdir()
    (docs / "lease.md").write_text(LEASE)
    (docs / "rent.md").write_text(RENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run([*words, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_an_index_is_made_asked_and_measured(
    place: Path, ingot_home: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = printed(["index", "./my-docs", "--name", "acme-index", "--passage-bytes", "64"], capsys)[-1]
    assert (made["documents"], made["rankers"]) == (2, ["words"])

    asked = ["find", "acme-index", "When may the landlord end the lease?"]
    best = printed(asked, capsys)[0]
    assert best["text"] == LEASE.splitlines()[2]
    assert LEASE.encode()[best["start"] : best["end"]].decode() == best["text"]
    assert run(asked) == 0
    shown = capsys.readouterr().out.splitlines()[:2]
    page = (repository / "docs/how-to/search-documents.md").read_text(encoding="utf-8")
    assert "\n".join(shown) in page

    told = printed(["evaluate", "acme-index", "--task", "retrieval", "--data", "./questions.csv"], capsys)[-1]
    assert told["metrics"]["recall_at_10"] == {"value": 1.0, "low": 0.34238, "high": 1.0, "items": 2}
    assert run(["evaluate", "acme-index", "--task", "retrieval", "--data", "./questions.csv"]) == 0
    assert "Contamination" not in capsys.readouterr().out


def test_what_cannot_be_asked_is_said(place: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["index", "./my-docs"]) == 2
    assert "--name" in capsys.readouterr().err
    assert run(["index", "./my-docs", "--name", "acme-index"]) == 0
    assert run(["find", "acme-documents", "bees"]) == 0  # what it was made of means the newest index
    capsys.readouterr()
    assert run(["find", "acme-index", " "]) == 2
    assert "the question is empty" in capsys.readouterr().err
    assert run(["evaluate", "acme-index", "--task", "grounded", "--data", "./passages.csv"]) == 3
    assert "asks a model, not an index" in capsys.readouterr().err
