"""The main journey: build, look, build again, change something, lose the machine in between."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, damaged_files
from tests.journeys.conftest import SHAPE, Ingot, build_arguments, copy_corpus

STEPS = ("documents", "dataset", "vocabulary", "plan", "tokenizer", "shards", "checkpoint", "audit", "report")


def final_loss(artifact: Artifact) -> tuple[float, str]:
    """What must be equal bit for bit: the loss and the weights."""
    return artifact.facts["final_loss"], artifact.record.files["model.safetensors"].sha256


def test_leaves_a_model_a_report_and_whole_records(built: Ingot) -> None:
    home = Home(built.home)
    model = home.get("acme")
    assert model.kind == "Model"
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= set(model.record.files)
    assert "report.html" in home.get("acme-report").record.files
    assert [reference.name for reference in home.all() if damaged_files(reference)] == []
    assert list(home.work_path.iterdir()) == []


def test_the_summary_says_what_a_manager_asks(built: Ingot, corpus: Path) -> None:
    again = built(*build_arguments(corpus))
    assert again.returncode == 0, again.stderr
    for part in ("was made before", "bits per byte", "zstd", "n-gram", "Wh (", "report.html", "ingot chat acme"):
        assert part in again.stdout


def test_an_identical_build_recomputes_nothing(built: Ingot, corpus: Path) -> None:
    done = built(*build_arguments(corpus), "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert not [event for event in events if event["kind"] == "step" and event["status"] in ("started", "made")]
    assert events[-1]["kind"] == "summary"
    assert set(events[-1]["reused"]) == {*STEPS, "probe", "model"}


def test_the_same_documents_elsewhere_are_the_same_build(built: Ingot, tmp_path: Path) -> None:
    moved = copy_corpus(tmp_path / "docs")
    done = built(*build_arguments(moved), "--json")
    assert json.loads(done.stdout.splitlines()[-1])["model"] == "acme@1"


def test_another_vocabulary_redoes_only_what_depends_on_it(built: Ingot, corpus: Path, tmp_path: Path) -> None:
    ingot = Ingot(shutil.copytree(built.home, tmp_path / "home"))
    shape = [*SHAPE]
    shape[shape.index("--vocabulary") + 1] = "576"
    done = ingot(*build_arguments(corpus, shape=shape), "--json")
    summary = json.loads(done.stdout.splitlines()[-1])
    assert set(summary["reused"]) == {"documents", "dataset", "vocabulary", "probe"}
    assert summary["model"] == "acme@2"


@pytest.mark.parametrize("step", ["documents", "tokenizer", "checkpoint"])
def test_kill_nine_and_run_again_ends_the_same(built: Ingot, ingot: Ingot, corpus: Path, step: str) -> None:
    with _killed_build(ingot, corpus):
        _wait_until_running(ingot.home, step)
    _assert_the_next_build_ends_like(built, ingot, corpus)


@pytest.mark.slow
def test_killed_again_and_again_it_still_ends_the_same(built: Ingot, corpus: Path, tmp_path: Path) -> None:
    """Six kills of one build at random moments, each going on from what the last one left."""
    ingot, draw = Ingot(tmp_path / "home"), random.Random(0)
    for _ in range(6):
        with _killed_build(ingot, corpus):
            time.sleep(draw.uniform(0.5, 9.0))
    _assert_the_next_build_ends_like(built, ingot, corpus)


@contextmanager
def _killed_build(ingot: Ingot, corpus: Path) -> Iterator[None]:
    """Start a build, and kill it with everything below it when the block is over."""
    build = ingot.start(*build_arguments(corpus))
    try:
        yield
    finally:
        os.killpg(build.pid, signal.SIGKILL)
        build.communicate()


def _assert_the_next_build_ends_like(built: Ingot, ingot: Ingot, corpus: Path) -> None:
    done = ingot(*build_arguments(corpus))
    assert done.returncode == 0, done.stdout + done.stderr
    expected, found = Home(built.home), Home(ingot.home)
    assert final_loss(found.get("acme-checkpoint")) == final_loss(expected.get("acme-checkpoint"))
    assert [len(found.versions(name)) for name in found.names()] == [1] * len(found.names())


def _wait_until_running(home: Path, step: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for path in home.glob("runs/*/run.json"):
            steps = {entry["name"]: entry["status"] for entry in json.loads(path.read_text())["steps"]}
            if steps[step] == "running":
                time.sleep(0.7)
                return
        time.sleep(0.05)
    raise AssertionError(f"step {step} never ran")


def test_two_builds_of_one_name_at_once_make_one_model(ingot: Ingot, corpus: Path) -> None:
    results = []
    threads = [threading.Thread(target=lambda: results.append(ingot(*build_arguments(corpus)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.returncode for result in results] == [0, 0]
    assert "waiting: process" in results[0].stdout + results[1].stdout
    assert [model.reference for model in Home(ingot.home).versions("acme")] == ["acme@1"]


def test_a_dry_run_spends_nothing(corpus: Path, tmp_path: Path) -> None:
    ingot = Ingot(tmp_path / "home")
    done = ingot("build", str(corpus), "--name", "acme", "--time", "5m", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "checkpoint" in done.stdout
    assert "Nothing was run" in done.stdout
    assert not (ingot.home / "artifacts").exists()
    assert not (ingot.home / "runs").exists()


def test_its_recipe_file_is_the_same_build(built: Ingot, corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "acme.yaml"
    assert built(*build_arguments(corpus), "--write-recipe", str(recipe)).returncode == 0
    done = built("run", str(recipe))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("was made before") == len(STEPS) + 2


def test_listings_show_it(built: Ingot) -> None:
    assert "acme@1" in built("models").stdout
    assert "acme-dataset@1" in built("artifacts").stdout
    assert "finished" in built("runs").stdout
    lineage = built("lineage", "acme").stdout
    assert all(f"acme-{step}@1" in lineage for step in STEPS)
    assert "items" in lineage
    assert "acme@1" in built("lineage", "acme-dataset", "--down").stdout
    assert built("doctor", "--deep").returncode == 0
    assert "Nothing to remove" in built("gc").stdout
