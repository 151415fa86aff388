"""What a build says before it spends anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.cli.main import run

DRY = ("--name", "acme", "--steps", "40", "--dry-run")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    for name in ("a.txt", "notes/b.txt"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"The {name} of a text. " * 1000)
    return tmp_path / "docs"


def test_a_folder_named_again_is_read_once_and_that_is_said(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", str(docs), f"{docs}/../docs", f"{docs}/notes", *DRY, "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["source"]["files"] == 2
    assert captured.err == f"note: read once, as part of {docs}: {docs}/../docs, {docs}/notes\n"


def test_many_that_are_named_again_are_counted(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", str(docs), *[f"{docs}/a.txt"] * 5, *DRY]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("2 files")
    assert captured.err.endswith("and 2 more\n")


def test_what_is_left_out_of_a_folder_and_named_is_read(docs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", str(docs), f"{docs}/notes", "--exclude", "notes", *DRY]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("2 files")
    assert captured.err == ""


def test_a_vocabulary_as_small_or_large_as_allowed_can_be_planned(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for size in (320, 262_144):
        assert run(["build", str(docs), *DRY, "--vocabulary", str(size)]) == 0
        assert f"vocabulary {size}," in capsys.readouterr().out


def test_the_disk_for_a_text_too_small_to_plan_is_that_of_the_smallest_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.txt").write_text("Two hundred bytes are not enough to learn a language from. " * 3)
    assert run(["build", str(tmp_path / "small.txt"), "--name", "acme"]) == 3
    assert "needs at least 26.4 MB of disk" in capsys.readouterr().out


def test_a_budget_in_energy_or_money_becomes_a_plan(
    docs: Path, ingot_home: object, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["build", str(docs), "--name", "acme", "--dry-run", "--json", "--price", "0.30/kWh"]
    assert run([*line, "--energy", "1Wh"]) == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert plan["expected_joules"] <= 3600
    assert plan["expected_money"] > 0
    assert "(estimated)" in plan["sentences"][-1] or "; estimated" in plan["sentences"][-1]
    assert run([*line, "--money", "0.0000001"]) == 3
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "--money" in told["fix"]
    assert run(["build", str(docs), "--name", "acme", "--dry-run", "--stop-at", "20"]) == 2
    assert "no price" in capsys.readouterr().err
