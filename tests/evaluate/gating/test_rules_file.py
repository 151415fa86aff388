"""A gate file: what it may say, and how a mistake in it is named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingot.core.config import literals
from ingot.core.errors import UsageError
from ingot.evaluate.gating.rules import DEFAULT, Cost, Quality, Rules, Safety
from ingot.evaluate.gating.rules_file import read_rules, rules_of


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "gate.yaml").write_text(
        "quality:\n- {task: exam, margin: 0.02}\n- {task: exam, at_least: 0.6}\nsafety:\nmemorisation: true\n"
        "cost: {measure: joules_per_item, at_most_times: 1.2}\n"
    )
    rules = read_rules(tmp_path / "gate.yaml")
    assert rules.quality == (Quality("exam", margin=0.02), Quality("exam", at_least=0.6))
    assert rules.safety == (Safety(),)
    assert rules.cost == (Cost("joules_per_item", at_most_times=1.2),)
    assert rules.memorisation
    assert rules.not_measured == "unsure"


@pytest.mark.parametrize("rules", [DEFAULT, Rules(memorisation=True), Rules(quality=(Quality("a", at_most=1.5),))])
def test_rules_come_back_from_their_literals(rules: Rules) -> None:
    assert rules_of(literals(rules), "a release") == rules


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"qualty": []}, ("unknown option 'qualty'", "'quality'")),
        ({"quality": [{}, {"magrin": 0.1}]}, ("gate.yaml, quality 2", "'margin'")),
        ({"quality": {"margin": 3}}, ("a margin of 3.0", "0.03 for three points")),
        ({"cost": {}}, ("no limit", "at_most_times: 1.5")),
        ({"cost": {"at_most": -1}}, ("0 or less", "above 0")),
        ({"cost": {"measure": "joules", "at_most": 1}}, ("joules_per_item", "cost 1")),
        ({"safety": "much"}, ("'much' is no requirement", "safety 1")),
        ({}, ("demand nothing", "quality")),
        ({"quality": []}, ("demand nothing", "quality")),
        ({"memorisation": "perhaps"}, ("memorisation", "gate.yaml")),
        ({"forgetting": {"margin": float("nan")}}, ("margin", "forgetting 1")),
        ({"forgetting": {"margin": 0}}, ("margin", "above 0")),
    ],
)
def test_a_mistake_is_named_with_its_place(fields: Mapping[str, Any], said: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        rules_of(fields, "gate.yaml")
    assert all(each in str(caught.value) for each in said), str(caught.value)


def test_a_file_that_holds_no_rules(tmp_path: Path) -> None:
    for text in ("- a\n", "quality\n", ""):
        (tmp_path / "gate.yaml").write_text(text)
        with pytest.raises(UsageError) as caught:
            read_rules(tmp_path / "gate.yaml")
        assert caught.value.fix
