"""A reward judges answers before anything is trained, and what it cannot judge is named by its line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.train.judging import kept_reward
from ingot.train.trying import CODE, Config, tokenize
from tests.data.labelled import reading, snapshot
from tests.train.small import Told

OWN = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Config:
    worth: float = 2.0

def reward(prompt, expected, answers, config):
    if expected == "never":
        raise KeyError("never")
    if expected == "nothing":
        return [float("nan") for answer in answers]
    return [{body} for answer in answers]
"""
ROWS: list[dict[str, Any]] = [
    {"prompt": "1+1=", "answer": 2},
    {"prompt": "1+2=", "answer": "three"},
    {"prompt": "1+3=", "answer": "never"},
    {"prompt": "1+4=", "answer": "nothing"},
]


def prepared(place: Path, rows: list[dict[str, Any]], body: str = "", told: Told | None = None) -> StepContext:
    """Return the context of a step that reads prompts and, with a body, a reward of the user's own."""
    made = reading(place / "shards", snapshot(place / "prompts.jsonl", rows))
    sources = {"prompts": next(iter(made.sources.values()))}
    if body:
        (place / "own.py").write_text(OWN.replace("{body}", body))
        [item] = snapshot(place / "code.jsonl", []).items
        sources[CODE] = replace(sources["prompts"], items=(replace(item, uri="own.py", locator=str(place / "own.py")),))
    return replace(made, sources=sources, emit=told or made.emit)


def reasons(folder: Path) -> dict[str, str]:
    lines = [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
    return {line["where"].rpartition(":")[2]: line["reason"] for line in lines}


def test_a_line_that_the_reward_cannot_judge_is_left_out_with_its_reason(
    sums: Mapping[str, Artifact], tmp_path: Path
) -> None:
    facts = tokenize(Config(128, 0.0, reward="number"), sums, prepared(tmp_path, ROWS))
    assert (facts["train_examples"], facts["failures"], facts["telling_prompts"]) == (1, 3, 1)
    assert all("no number in the expected answer" in reason for reason in reasons(tmp_path / "shards").values())


def test_a_reward_of_ones_own_that_raises_or_gives_no_number_is_named_by_line(
    sums: Mapping[str, Artifact], tmp_path: Path
) -> None:
    body = "len(answer) * config.worth"
    facts = tokenize(Config(128, 0.0, reward_options={"worth": 3.0}), sums, prepared(tmp_path, ROWS, body))
    assert (facts["train_examples"], facts["failures"]) == (2, 2)
    found = reasons(tmp_path / "shards")
    assert "KeyError: 'never'" in found["3"]
    assert "nan" in found["4"]
    # It is kept as it was, also when the file is changed or gone.
    (tmp_path / "own.py").unlink()
    assert kept_reward(tmp_path / "shards")("?", "", ["ab"]) == [6.0]
    (tmp_path / "other").mkdir()
    refusing = prepared(tmp_path / "other", ROWS, body)
    with pytest.raises(InputError, match="a line is no prompt") as caught:
        tokenize(Config(128, 0.0, "refuse"), sums, refusing)
    assert "prompts.jsonl:3" in caught.value.where


def test_a_reward_that_tells_no_answers_apart_is_told_or_refused(sums: Mapping[str, Artifact], tmp_path: Path) -> None:
    told = Told()
    facts = tokenize(Config(128, 0.0), sums, prepared(tmp_path, ROWS[:2], "config.worth", told))
    assert facts["telling_prompts"] == 0
    assert "the same, those to the prompt at prompts.jsonl:1 2" in told.of("warning")[-1]["text"]
    (tmp_path / "other").mkdir()
    refusing = prepared(tmp_path / "other", ROWS[:2], "config.worth")
    with pytest.raises(InputError, match="every answer it was tried with the same"):
        tokenize(Config(128, 0.0, "refuse"), sums, refusing)


def test_there_is_one_reward(sums: Mapping[str, Artifact], tmp_path: Path) -> None:
    for config, body in ((Config(128, 0.0), ""), (Config(128, 0.0, reward="number"), "1.0")):
        made = prepared(tmp_path, ROWS, body)
        with pytest.raises(UsageError, match="one reward"):
            tokenize(config, sums, made)
