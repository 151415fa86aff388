"""Two evaluations side by side: the test on the same items, the items that changed, and what cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.evaluate.comparing import compare, read_changed
from ingot.evaluate.config import CompareConfig
from ingot.evaluate.results import Result
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from tests.evaluate.small_build import artifact, silent


def evaluation(folder: Path, scores: Mapping[str, float], metric: str = "accuracy", task: str = "exam") -> Artifact:
    """Return an evaluation with these scores by item."""
    folder.mkdir()
    lines = (
        Result(name, "", f"hash-{name}", f"answer {score}", "answer 1.0", {metric: score}, bytes=len(name))
        for name, score in scores.items()
    )
    (folder / "results.jsonl").write_text("".join(line.as_line() for line in lines))
    (folder / "metrics.json").write_text("{}")
    return artifact(folder.name, folder, {"task": task, "task_version": 1})


def compared(tmp_path: Path, first: Artifact, second: Artifact) -> tuple[Path, Mapping[str, Any]]:
    out = tmp_path / "comparison"
    out.mkdir()
    facts = compare(
        CompareConfig(resamples=500), {"first": first, "second": second}, StepContext(out, tmp_path, 1, silent)
    )
    return out, facts


def test_a_change_for_the_better_is_found_and_its_items_shown(tmp_path: Path) -> None:
    before = {f"i{n}": float(n >= 30) for n in range(100)}
    after = before | {f"i{n}": 1.0 for n in range(20)} | {"i99": 0.0}
    first, second = evaluation(tmp_path / "first", before), evaluation(tmp_path / "second", after)
    folder, facts = compared(tmp_path, first, second)
    (metric,) = facts["metrics"]
    assert (metric["first"], metric["second"]) == (0.7, 0.89)
    assert (metric["only_first"], metric["only_second"]) == (1, 20)
    assert metric["verdict"] == "better"
    changed = read_changed(folder)
    assert {line["id"] for line in changed} == {*(f"i{n}" for n in range(20)), "i99"}
    assert changed[0]["first"] != changed[0]["second"]
    assert json.loads((folder / "comparison.json").read_text())["items"] == 100


def test_too_few_items_are_said_to_be_too_few(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "first", {f"i{n}": float(n % 2) for n in range(20)})
    second = evaluation(tmp_path / "second", {f"i{n}": float(n % 3 > 0) for n in range(20)})
    _, facts = compared(tmp_path, first, second)
    assert facts["metrics"][0]["verdict"] == "too few items to tell"
    assert facts["metrics"][0]["items_needed"] > 1000


def test_fewer_bits_are_better(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "first", {f"document{n}": 2.0 + n / 50 for n in range(50)}, "bits_per_byte")
    second = evaluation(tmp_path / "second", {f"document{n}": 1.9 + n / 50 for n in range(50)}, "bits_per_byte")
    _, facts = compared(tmp_path, first, second)
    assert facts["metrics"][0]["verdict"] == "better"
    assert facts["metrics"][0]["difference"] == pytest.approx(-0.1)


def test_a_leaning_is_more_or_less_and_only_where_both_lean(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "first", {f"i{n}": 0.0 for n in range(40)}, "share_stereotyped")
    second = evaluation(tmp_path / "second", {f"i{n}": float(n >= 20) for n in range(40)}, "share_stereotyped")
    lines = (second.path / "results.jsonl").read_text().splitlines()
    # The first item's second answer named nobody.
    lines[0] = lines[0].replace('{"share_stereotyped": 0.0}', "{}")
    (second.path / "results.jsonl").write_text("\n".join(lines) + "\n")
    _, facts = compared(tmp_path, first, second)
    (metric,) = facts["metrics"]
    assert metric["verdict"] == "more"
    assert metric["items"] == 39


def test_items_that_only_one_was_asked_are_counted(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "first", {"a": 1.0, "b": 0.0})
    second = evaluation(tmp_path / "second", {"b": 0.0, "c": 1.0, "d": 1.0})
    _, facts = compared(tmp_path, first, second)
    assert (facts["items"], facts["only_in_first"], facts["only_in_second"], facts["changed"]) == (1, 1, 2, 0)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "first", {"a": 1.0})
    with pytest.raises(InputError, match="two tasks"):
        compared(tmp_path, first, evaluation(tmp_path / "second", {"a": 1.0}, task="other"))
    (tmp_path / "comparison").rmdir()
    with pytest.raises(InputError, match="no item in common"):
        compared(tmp_path, first, evaluation(tmp_path / "third", {"b": 1.0}))
