from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.evaluate.evidence.config import EvidenceConfig
from ingot.evaluate.evidence.run import compare, deviation
from ingot.flow.step import StepContext
from tests.evaluate.evidence.made import inputs
from tests.evaluate.small_build import silent

ALL = {
    "own-seed-0-score": (1.4, 3.6),
    "continued-seed-0-score": (1.5, 3.0),
    "mixed-seed-0-score": (1.8, 1.9),
    "general-seed-0-score": (2.7, 1.8),
    "mixed-bytes-seed-0-score": (1.7, 1.9),
}


def compared(folder: Path, arms: dict[str, tuple[float, float]], counted: float = 9.0) -> dict[str, Any]:
    out = folder / "out"
    out.mkdir()
    context = StepContext(out, folder, 1, silent)
    return dict(compare(EvidenceConfig(resamples=300), inputs(folder / "in", arms, counted), context))


def test_every_figure_is_told(tmp_path: Path) -> None:
    facts = compared(tmp_path, ALL)
    assert [(arm["arm"], arm["basis"]) for arm in facts["arms"]] == [
        ("own", "compute"),
        ("general", "compute"),
        ("continued", "compute"),
        ("mixed", "compute"),
        ("mixed", "bytes"),
    ]
    own = facts["arms"][0]
    assert own["own"]["value"] == pytest.approx(1.4, abs=1e-4)
    assert own["own"]["low"] < 1.4 < own["own"]["high"]
    assert own["bytes_seen"] == 4_500_000
    assert own["recited"]["value"] == 0.25
    shares = {(each["arm"], each["basis"]): each for each in facts["compared"] if each["on"] == "own"}
    assert shares["continued", "compute"]["fewer"]["value"] == pytest.approx(1 - 1.4 / 1.5, abs=1e-4)
    assert shares["continued", "compute"]["shows"] == "better"
    assert facts["labels_beside_words"][0]["items"] == 20
    written = json.loads((tmp_path / "out" / "evidence.json").read_text())
    assert written["answer"] == facts["answer"]
    assert len(facts["answer"]) == 3


def test_the_page_is_whole_and_runs_nothing(tmp_path: Path) -> None:
    compared(tmp_path, ALL)
    page = (tmp_path / "out" / "evidence.html").read_text()
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    for told in ("General model, continued on your text", "own is better", "What each knows by heart", "acme-texts@1"):
        assert told in page


def test_seeds_are_told_apart(tmp_path: Path) -> None:
    arms = {"own-seed-0-score": (1.4, 3.6), "own-seed-1-score": (1.5, 3.6)}
    arms |= {"mixed-seed-0-score": (1.8, 1.9), "mixed-seed-1-score": (1.9, 1.9)}
    facts = compared(tmp_path, arms)
    assert facts["arms"][0]["seeds"] == [pytest.approx(1.4), pytest.approx(1.5)]
    assert facts["seeds"] == 2
    assert not any("trained once" in note for note in facts["notes"])


def test_one_arm_is_no_comparison(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to compare"):
        compared(tmp_path, {"own-seed-0-score": (1.4, 3.6)})


def test_how_equal_the_compute_was(tmp_path: Path) -> None:
    facts = compared(tmp_path, ALL)
    assert facts["largest_deviation"] == 0.0
    assert deviation([]) is None
