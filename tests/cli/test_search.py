from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ingot.cli.main import run
from tests.train.small import MODEL

HERE = "tests.train.search_for_tests"
RECIPE = {
    "steps": {
        "checkpoint": {
            "run": f"{HERE}:bowl",
            "kind": "Checkpoint",
            "artifact": "acme-checkpoint",
            "config": {"model": vars(MODEL), "steps": 10},
        }
    }
}
SPACE = {"name": "acme-search", "trials": 1, "shares": [1.0], "space": {"learning_rate": {"low": 0.001, "high": 0.002}}}


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    recipe, space = tmp_path / "acme.yaml", tmp_path / "space.yaml"
    recipe.write_text(json.dumps(RECIPE))
    space.write_text(yaml.safe_dump(SPACE))
    return str(recipe), str(space)


def test_a_search_ends_with_a_table_and_the_best(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", *files]) == 0
    shown = capsys.readouterr().out
    assert "bits per byte" in shown
    assert "best: learning_rate: 0.001" in shown
    assert run(["search", *files, "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["kind"], last["artifact"]) == ("summary", "acme-search@1")


def test_a_misspelt_setting_is_found_before_anything_runs(
    files: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path(files[1]).write_text(yaml.safe_dump({**SPACE, "space": {"learning_rte": {"low": 1, "high": 2}}}))
    assert run(["search", *files]) == 2
    assert "did you mean 'learning_rate'?" in capsys.readouterr().err
