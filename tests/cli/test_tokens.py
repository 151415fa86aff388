"""`ingot data tokens` says what a vocabulary is worth, and what it is compared with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.cli.main import run
from ingot.flow.home import Home
from ingot.flow.runner import run as run_steps
from ingot.flow.step import in_order
from tests.data.datasets import corpus, recipe


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tokens")
    docs = place / "docs"
    docs.mkdir()
    for name, text in corpus(40).items():
        (docs / name).write_text(text)
    (first,) = [step for step in in_order(recipe(docs)) if step.name == "tokenizer"]
    second = replace(
        first, name="second", artifact="y-tokenizer", config={"vocabulary": 512}, inputs={**first.inputs, "base": first}
    )
    run_steps([second], Home(place / "home"))
    return place / "home"


def test_figures_sizes_and_public_tokenizers(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "tokens", "x-tokenizer", "--home", str(home)]) == 0
    shown = capsys.readouterr().out
    assert "320 tokens, words cut as qwen2" in shown
    for line in ("all of it", "parser: text", "kind: text/plain", "GPT-4 (cl100k)", "English news", "source: "):
        assert line in shown
    assert "compared on" not in shown


def test_the_tokenizer_it_goes_on_from_stands_beside_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "tokens", "y-tokenizer", "--home", str(home)]) == 0
    shown = capsys.readouterr().out
    assert "compared on the same text with a tokenizer of 320 tokens" in shown
    assert "%" in shown
    assert run(["data", "tokens", "y-tokenizer", "--home", str(home), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["tokenizer"] == "y-tokenizer@1"
    assert facts["beside"]["vocabulary"] == 320


def test_what_has_no_tokenizer_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "tokens", "x-dataset", "--home", str(home)]) == 3
    assert "is no tokenizer" in capsys.readouterr().err
