"""`ingot data labels` on a file and on shards: what it prints, with and without colour, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ingot.cli.main import run
from ingot.cli.token_labels import labels
from ingot.data.conversations import Config
from ingot.flow.home import Home
from ingot.flow.runner import run as run_steps
from ingot.flow.step import Step
from ingot.recipes.fine_tune import file_source
from ingot.tokenizer.config import AdoptConfig
from ingot.tokenizer.train import learn, write

ASK, SAY = {"role": "user", "content": "Who is it?"}, {"role": "assistant", "content": "It is me."}


def talks(path: Path, *rows: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps({"messages": row}) + "\n" for row in rows))
    return str(path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a tokenizer that was taken in, and shards made with it."""
    place = tmp_path_factory.mktemp("labels")
    (place / "tokenizer").mkdir()
    write(learn(["Who is it? It is me. " * 30], 384), place / "tokenizer")
    talks(place / "good.jsonl", [ASK, SAY], [ASK, SAY, ASK])
    tokenizer = Step(
        "tokenizer",
        "acme-tokenizer",
        "Tokenizer",
        "ingot.tokenizer.adopt:adopt",
        AdoptConfig(),
        sources={"tokenizer": file_source(place / "tokenizer")},
    )
    shards = Step(
        "shards",
        "acme-shards",
        "Shards",
        "ingot.data.conversations:tokenize",
        Config(0.0),
        {"tokenizer": tokenizer},
        sources={"conversations": file_source(place / "good.jsonl")},
    )
    run_steps([tokenizer, shards], Home(place / "home"))
    return place / "home"


def said(capsys: pytest.CaptureFixture[str], home: Path, *words: str, code: int = 0) -> str:
    assert run(["data", "labels", *words, "--home", str(home)]) == code
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_a_file_is_shown_token_by_token(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, home, str(home.parent / "good.jsonl"), "--model", "acme-tokenizer")
    assert shown.count("⟦") == shown.count("⟧") == 2
    assert "│<|im_end|>⟧" in shown
    assert "good.jsonl:2 its last turn is not the assistant's" in " ".join(shown.split())
    assert "\x1b[" not in shown  # no terminal reads this


def test_shards_are_shown_as_they_are_trained(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = said(capsys, home, str(home.parent / "good.jsonl"), "--model", "acme-tokenizer", "--json")
    trained = said(capsys, home, "acme-shards", "--json")
    of_file, of_shards = ([json.loads(line) for line in each.splitlines()] for each in (read, trained))
    same = ("conversations", "tokens", "trained", "turns", "ended_turns", "longest", "trained_share")
    assert [of_file[0][key] for key in same] == [of_shards[0][key] for key in same]
    assert [each["tokens"] for each in of_file[1:3]] == [each["tokens"] for each in of_shards[1:3]]
    kinds = [each["kind"] for each in of_file]
    assert kinds == ["summary", "conversation", "conversation", "problem"]


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_colour_is_left_out_where_it_is_not_wanted(home: Path, no_colour: str) -> None:
    words = ["acme-shards", "--count", "1", "--home", str(home)]
    shown = CliRunner().invoke(labels, words, env={"NO_COLOR": no_colour}, color=True).output
    line = next(line for line in shown.splitlines() if "⟦" in line)
    assert ("\x1b[" in line) == (not no_colour)


def test_bad_rows_are_named_and_can_be_refused(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = talks(tmp_path / "bad.jsonl", [ASK, SAY], [{"role": "human", "content": "x"}, SAY])
    shown = said(capsys, home, file, "--model", "acme-tokenizer")
    assert "bad.jsonl:2" in shown
    assert "which is called 'user' here" in shown
    refused = said(capsys, home, file, "--model", "acme-tokenizer", "--bad-rows", "refuse", code=3)
    assert "1 rows have something wrong" in refused
    page = tmp_path / "labels.html"
    said(capsys, home, file, "--model", "acme-tokenizer", "--out", str(page))
    assert "bad.jsonl:2" in page.read_text()


def test_what_teaches_nothing_is_refused(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = talks(tmp_path / "silent.jsonl", [ASK])
    assert "there is nothing to learn in this set" in said(capsys, home, file, "--model", "acme-tokenizer", code=3)
    assert "add --model NAME" in said(capsys, home, file, code=2)
    assert "there is no such file" in said(capsys, home, "gone.jsonl", "--model", "acme-tokenizer", code=2)
