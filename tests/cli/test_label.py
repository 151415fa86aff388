"""`ingot data label` with keys from a pipe and from a terminal, and the classifier that its labels train."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingot.cli.main import run
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.runner import run as run_steps
from ingot.flow.step import in_order
from tests.data.datasets import recipe
from tests.data.reference_sets import LEASE, VISIT, sentences

LEASES = sentences(LEASE, 30)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("label")
    docs = place / "docs"
    docs.mkdir()
    for number, text in enumerate([*LEASES, *sentences(VISIT, 30)]):
        (docs / f"{number:02}.txt").write_text(text + "\n" + "Filed by the office. \x1b[31m\n" * 20)
    (dataset,) = [step for step in in_order(recipe(docs)) if step.name == "dataset"]
    run_steps([dataset], Home(place / "home"))
    return place / "home"


def label(keys: str, home: Path, out: Path, *words: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(keys))
        return run(["data", "label", "x-dataset", "--home", str(home), "--out", str(out), *words])


def events(capsys: pytest.CaptureFixture[str], kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [event for event in found if event["kind"] == kind]


def test_keys_from_a_pipe(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "labels.jsonl"
    assert label("g\nb\nx s u B q g", home, out) == 0
    shown = capsys.readouterr().out
    assert "1 of 50" in shown
    assert "'x' means nothing here" in shown
    assert "1 good, 2 bad, 0 skipped" in shown
    assert "goes on from here" in shown
    assert "at least 5 good and 5 bad" in shown
    assert "\x1b[31m" not in shown
    assert [json.loads(line)["label"] for line in out.read_text().splitlines()] == ["good", "bad", "bad"]


def test_events_for_programs(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "labels.jsonl"
    assert label("gsub", home, out, "--json", "--count", "2") == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["kind"] for event in printed] == [
        *("document", "label", "document", "label", "document", "undo", "document", "label", "summary"),
    ]
    assert set(printed[0]) == {"kind", "number", "of", "doc_id", "uri", "bytes", "text"}
    assert printed[-1] == {
        "kind": "summary",
        "file": str(out),
        "is_complete": True,
        "good": 1,
        "bad": 1,
        "skipped": 0,
    }


def test_it_goes_on_where_it_was_left_until_nothing_is_left(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "labels.jsonl"
    assert label("gs", home, out, "--json") == 0
    first = {event["doc_id"] for event in events(capsys, "label")}
    assert label("b" * 100, home, out, "--json", "--count", "500") == 0
    second = [event["doc_id"] for event in events(capsys, "label")]
    assert len(second) == len(set(second)) == 58
    assert not first & set(second)
    assert label("", home, out, "--count", "500") == 0
    assert "That were all documents" in capsys.readouterr().out


def test_keys_of_a_terminal(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    ours, theirs = pty.openpty()
    words = ["data", "label", "x-dataset", "--home", str(home), "--out", str(out)]
    script = f"import sys; from ingot.cli.main import run; sys.exit(run({words!r}))"
    with subprocess.Popen([sys.executable, "-c", script], stdin=theirs, stdout=subprocess.PIPE) as child:
        _press(b"g", ours, child, until=lambda: out.exists() and '"good"' in out.read_text())
        _press(b"q", ours, child, until=lambda: child.poll() is not None)
        assert child.returncode == 0
    os.close(ours)
    os.close(theirs)


def _press(key: bytes, terminal: int, child: subprocess.Popen[bytes], until: Callable[[], bool]) -> None:
    """Press a key, without an end of line, until it has had its effect: one that comes early is not heard."""
    for _ in range(600):
        if until():
            return
        os.write(terminal, key)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.1)
    child.kill()
    pytest.fail(f"nobody heard {key!r}")


def test_what_cannot_be_labelled(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "label", "x-documents", "--home", str(home), "--out", str(tmp_path / "l")]) == 3
    assert "is no dataset" in capsys.readouterr().err


def test_labels_train_a_classifier(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from ingot.data.classifier_training import ClassifierConfig, train_classifier
    from ingot.data.text_classifier import load
    from tests.data.reference_sets import context, file_source

    out = tmp_path / "labels.jsonl"
    # A person who knows a lease when there is one: the order of the documents is asked for first.
    assert label("s" * 60, home, tmp_path / "order.jsonl", "--json") == 0
    is_lease = [event["text"].split("\n")[0] in LEASES for event in events(capsys, "document")]
    assert label("".join("g" if good else "b" for good in is_lease), home, out) == 0
    dataset = Home(home).get("x-dataset")
    facts = train_classifier(
        ClassifierConfig(),
        {"documents": Artifact(dataset.path, dataset.record)},
        context(tmp_path / "model", {"labels": file_source(out)}),
    )
    assert facts["examples"] == 50
    assert facts["auc"] > 0.7
    classifier = load(tmp_path / "model")
    assert classifier.score(LEASES[0]) > 0.5 > classifier.score(sentences(VISIT, 1)[0])
