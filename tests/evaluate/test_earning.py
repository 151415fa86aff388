from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.evaluate.config import PreferringConfig
from ingot.evaluate.earning import report
from ingot.evaluate.intervals import bootstrap_mean, wilson
from ingot.flow.artifact import Artifact
from tests.train.small import Told, artifact, context


def answers(folder: Path, rewards: list[tuple[float, float]]) -> Artifact:
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = [
        {
            "where": f"p.jsonl:{number}",
            "expected": "4",
            "before": {"answer": "?", "reward": before},
            "after": {"answer": "4", "reward": after},
        }
        for number, (before, after) in enumerate(rewards)
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return artifact("answers", folder)


def test_right_and_wrong_have_wilsons_interval_and_mcnemars_test(tmp_path: Path) -> None:
    made = answers(tmp_path / "answers", [(0.0, 1.0)] * 8 + [(1.0, 1.0)] * 2 + [(0.0, 0.0)] * 2)
    facts = report(PreferringConfig(), {"answers": made}, context(tmp_path / "report"))
    assert (facts["prompts"], facts["reward"], facts["reward_before"]) == (
        12,
        pytest.approx(10 / 12, abs=1e-6),
        pytest.approx(1 / 6, abs=1e-6),
    )
    right = wilson(10, 12)
    assert facts["reward_interval"] == pytest.approx([right.low, right.high], abs=1e-6)
    assert facts["reward_gain"]["test"] == "McNemar, exact"
    assert facts["reward_gain"]["p_value"] == pytest.approx(2 / 2**8)
    lines = [json.loads(line) for line in (tmp_path / "report/results.jsonl").read_text().splitlines()]
    assert (lines[0]["id"], lines[0]["scores"]) == ("p.jsonl:0", {"reward": 1.0, "reward_before": 0.0})


def test_graded_rewards_have_a_bootstrap_and_stand_beside_the_preferences_of_the_same_model(tmp_path: Path) -> None:
    values = [(0.1 * n, 0.1 * n + 0.3) for n in range(6)]
    before = artifact("report", tmp_path)
    facts_before = {"pairs": 4, "preference_accuracy": 0.75, "metrics": {"accuracy": {"value": 0.75}}}
    given = {
        "answers": answers(tmp_path / "answers", values),
        "preferences": replace(before, record=replace(before.record, facts=facts_before)),
    }
    facts = report(PreferringConfig(), given, context(tmp_path / "report"))
    wanted = bootstrap_mean([after for _, after in values], 2000, 0)
    assert facts["reward_interval"] == pytest.approx([wanted.low, wanted.high], abs=1e-6)
    assert facts["reward_gain"]["difference"] == pytest.approx(0.3)
    assert (facts["pairs"], facts["preference_accuracy"]) == (4, 0.75)
    assert {"accuracy", "reward", "reward_before"} <= facts["metrics"].keys()


def test_without_prompts_kept_aside_that_is_said(tmp_path: Path) -> None:
    told = Told()
    facts = report(PreferringConfig(), {"answers": answers(tmp_path, [])}, context(tmp_path / "report", told))
    assert facts == {"prompts": 0, "metrics": {}}
    assert "nobody has measured" in told.of("warning")[0]["text"]
    one = report(PreferringConfig(), {"answers": answers(tmp_path, [(0.5, 1.0)])}, context(tmp_path / "one"))
    assert (one["reward"], one["reward_gain"]) == (1.0, None)
