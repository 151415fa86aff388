from __future__ import annotations

import json

import pytest

from ingot.cli.main import run
from ingot.model.presets import preset


def test_a_training_on_machines_that_are_not_at_hand_is_planned(
    ingot_home: object, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["plan", "--model", "mistral-7b-v0.3", "--tokens", "20B", "--machines", "8xh100", "--price", "25/h"]
    assert run(line) == 0
    told = capsys.readouterr().out
    for words in ("7.25 B parameters", "8xh100", "never measured here", "data 2, shard 4", "kWh (estimated)", "money"):
        assert words in told
    assert run([*line, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "plan"
    assert facts["parameters"] == preset("mistral-7b-v0.3").model.parameters


def test_the_machine_at_hand_is_planned_without_running_anything(
    ingot_home: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--energy", "20Wh"]) == 0
    assert "this machine (estimated from this machine's cores)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ([], "a plan needs a budget"),
        (["--tokens", "1B", "--machines", "8xh1000"], "no figures for a GPU"),
        (["--tokens", "1B", "--machines", "t4", "--precision", "bf16"], "does not multiply bf16"),
        (["--tokens", "1B", "--model", "mistral-7b-v0.3", "--machines", "rtx4090"], "nearest number of devices"),
        (
            ["--tokens", "1B", "--model", "qwen3-0.6b", "--machines", "16xh100", "--parallel", "tensor=16"],
            "set tensor to",
        ),
        (["--money", "5"], "no price"),
    ],
)
def test_what_cannot_be_is_refused_with_the_nearest_that_can(
    line: list[str], says: str, ingot_home: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", *line]) in (2, 3)
    assert says in capsys.readouterr().err
