"""Each check passes what it should and nothing that only looks like it."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from ingot.train.rewards.checked import Config, Kind, reward


@pytest.mark.parametrize(
    ("kind", "expected", "right", "wrong"),
    [
        ("exact", "Paris", ["Paris", " Paris\n"], ["paris", "Paris.", ""]),
        ("regex", r"\d{4}-\d\d-\d\d", ["2024-05-01"], ["on 2024-05-01", "2024-5-1"]),
        ("regex", "yes|no.*", ["yes", "no,\nnever"], ["yes!", "or no"]),
        ("regex", "(a+)+b", ["aab"], ["a" * 5_000]),  # minutes for an engine that goes back
        ("json", "", ["{}", "[1, 2]", " null "], ["", "{a: 1}", "NaN", "[" * 100_000]),
        ("json", '{"a": [1, true]}', ['{"a": [1, true]}', '{ "a":[1,true] }'], ['{"a": [1, 1]}', '{"a": [1.0, true]}']),
    ],
)
def test_what_passes_is_worth_one(kind: Kind, expected: str, right: list[str], wrong: list[str]) -> None:
    rewards = reward("Say it.", expected, [*right, *wrong], Config(kind))
    assert rewards == [1.0] * len(right) + [0.0] * len(wrong)


@pytest.mark.parametrize(("kind", "expected"), [("regex", "(open"), ("regex", "a)|(b"), ("json", "{open")])
def test_what_is_expected_must_be_what_the_check_reads(kind: Kind, expected: str) -> None:
    with pytest.raises(InputError, match=f"cannot be checked as {kind}") as caught:
        reward("Say it.", expected, ["anything"], Config(kind))
    assert "Say it." in caught.value.where
