from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ingot.cli.show.summary import print_summary
from ingot.flow.home import Home
from ingot.flow.runner import Outcome
from ingot.flow.runs import start_run
from tests.registry.made import add

FACTS: dict[str, dict[str, Any]] = {
    "documents": {"files": 3, "documents": 3, "bytes": 9000, "failed": 0, "failures_by_reason": {}},
    "dataset": {
        "dropped_by_reason": {},
        "documents_kept": 3,
        "train_documents": 2,
        "held_out_documents": 1,
        "held_out_bytes": 900,
    },
    "plan": {"model": {"layers": 2, "width": 64, "vocabulary": 512}},
    "tokenizer": {"vocabulary": 512},
    "shards": {},
    "checkpoint": {"parameters": 1000, "steps": 40, "tokens": 20480},
    "report": {
        "interval": None,
        "bits_per_byte": 2.0,
        "ngram_bits_per_byte": 3.0,
        "zstd_bits_per_byte": 3.0,
        "samples": [],
    },
    "model": {},
}


def shown(folder: Path, capsys: pytest.CaptureFixture[str], vocabulary: int, asked: int) -> str:
    """Return the summary of a build whose tokenizer has so many entries, on one line."""
    home = Home(folder)
    facts = {**FACTS, "tokenizer": {"vocabulary": vocabulary}}
    artifacts = {name: add(home, name, facts=facts[name]) for name in FACTS}
    record = dataclasses.replace(artifacts["plan"].record, config={"vocabulary": asked})
    artifacts["plan"] = dataclasses.replace(artifacts["plan"], record=record)
    print_summary(Outcome(start_run(home, "", []), artifacts), [], "", as_json=False)
    return " ".join(capsys.readouterr().out.split())


def test_a_smaller_vocabulary_than_asked_for_is_said_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(tmp_path, capsys, vocabulary=448, asked=512)
    assert (
        "its vocabulary is 448 and not the 512 asked for: in this text no other pair of neighbours occurs twice" in text
    )
    assert "multiple of 64" in text


def test_a_smaller_vocabulary_than_planned_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "448 and not the 512 planned" in shown(tmp_path, capsys, vocabulary=448, asked=0)


def test_a_vocabulary_as_asked_for_needs_no_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "and not the" not in shown(tmp_path, capsys, vocabulary=512, asked=512)


def test_what_it_knows_by_heart_is_said_where_it_was_audited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "by heart" not in shown(tmp_path / "without", capsys, vocabulary=512, asked=512)
    monkeypatch.setitem(FACTS, "audit", {"verdict": "unsure", "reasons": ["there is too little text", "and more"]})
    text = shown(tmp_path / "with", capsys, vocabulary=512, asked=512)
    assert "What it knows by heart unsure: there is too little text" in text
