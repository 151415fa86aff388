"""`ingot data` on a real dataset: what it prints, what `--json` prints, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.cli.main import run
from ingot.flow.home import Home
from ingot.flow.runner import run as run_steps
from ingot.flow.step import in_order
from tests.data.datasets import corpus, recipe, words


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("data")
    docs = place / "docs"
    docs.mkdir()
    texts = corpus(40) | {"again.txt": words(3), "note.txt": "The notice period is three months.\n" + words(99)}
    for name, text in texts.items():
        (docs / name).write_text(text)
    (dataset,) = [step for step in in_order(recipe(docs)) if step.name == "dataset"]
    run_steps([dataset], Home(place / "home"))
    return place / "home"


def said(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> str:
    assert run(["data", *words, "--home", str(home)]) == 0
    return capsys.readouterr().out


def records(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in said(capsys, home, *words, "--json").splitlines()]


def test_show_counts_what_went_where(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, home, "show", "x-dataset")
    assert "documents read" in shown
    assert "dropped: exact duplicate" in shown
    (facts,) = records(capsys, home, "show", "x-dataset@1")
    assert (facts["documents_in"], facts["documents_kept"]) == (42, 41)


def test_explain_says_why(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, home, "explain", "x-dataset", "again.txt")
    assert "It was dropped: exact duplicate of 003.txt." in shown
    assert "size when compressed" in shown
    (found,) = records(capsys, home, "explain", "x-dataset", "again.txt")
    assert found["repeats"] == "003.txt"


def test_explain_groups_what_was_found_and_leaves_out_the_rest(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, home, "explain", "x-dataset", "note.txt")
    assert "\nquality\n" in shown
    (found,) = records(capsys, home, "explain", "x-dataset", "note.txt")
    empty = [each["column"] for each in found["statistics"] if each["value"] == 0.0]
    assert empty
    assert "_share" not in shown


def test_search_has_a_line_for_the_document_and_one_for_the_match(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, *_ = said(capsys, home, "search", "x-dataset", "e", "--most", "2").split("\n\n")
    for hit in (first, second):
        document, match = hit.strip("\n").split("\n")
        assert document.endswith(".txt  train") or document.endswith(".txt  held_out")
        assert match.startswith("    ")
    assert "\x1b" not in first


def test_search_and_sample(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "The notice period is three" in said(capsys, home, "search", "x-dataset", "NOTICE PERIOD")
    assert said(capsys, home, "search", "x-dataset", "unheard of") == "Nothing found.\n"
    (hit,) = records(capsys, home, "search", "x-dataset", "n.tice", "--regex")
    assert hit["uri"] == "note.txt"
    assert len(records(capsys, home, "sample", "x-dataset", "--count", "4")) == 4


def test_stats_diff_and_rules(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "symbol_share" in said(capsys, home, "stats", "x-dataset")
    assert "The same documents" in said(capsys, home, "diff", "x-dataset", "x-dataset@1")
    (tmp_path / "rules.yaml").write_text("- {name: long, column: bytes, above: 100}\n")
    assert "would drop 41 documents" in said(capsys, home, "rules", "x-dataset", str(tmp_path / "rules.yaml"))


def test_what_is_not_there_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", "x-documents", "--home", str(home)]) == 3
    assert "is no dataset" in capsys.readouterr().err
    assert run(["data", "explain", "x-dataset", "nothing.txt", "--home", str(home)]) == 3
    assert "there is no document" in capsys.readouterr().err
    assert run(["data", "sho", "x-dataset"]) == 2


def test_forget_asks_first_and_then_it_is_gone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = records(capsys, home, "search", "x-dataset", "notice period")
    with pytest.MonkeyPatch.context() as patch, Path("/dev/null").open() as nobody:
        patch.setattr("sys.stdin", nobody)
        assert run(["data", "forget", "note.txt", "--home", str(home)]) == 130
    capsys.readouterr()
    shown = said(capsys, home, "forget", "note.txt", "--yes", "--reason", "asked for")
    assert row["doc_id"] in shown
    assert "x-dataset@1: shards 00000 written anew" in shown
    assert said(capsys, home, "search", "x-dataset", "notice period") == "Nothing found.\n"
