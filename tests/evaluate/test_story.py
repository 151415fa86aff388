from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ingot.evaluate.bits import Interval
from ingot.evaluate.story import (
    Scores,
    Tally,
    abilities,
    as_foretold,
    costs,
    curve,
    drops,
    failures,
    model_name,
    quality,
    total_method,
)
from ingot.flow.artifact import Artifact
from tests.evaluate.small_build import artifact

SCORES = Scores(Interval(1.5, 1.4, 1.6), 1.3, 1.8, "6-gram of bytes, Witten-Bell", 30, 400_000, 10**7, 10**7)


def test_a_model_is_called_better_or_worse_as_the_numbers_say() -> None:
    _, ngram, zstd = quality(SCORES, "acme")
    assert "17% fewer" in ngram
    assert "5 bytes" in ngram
    assert "15% more" in zstd
    tie = replace(SCORES, zstd=1.505)
    assert "about what" in quality(tie, "acme")[2]


def test_a_small_model_is_not_praised() -> None:
    assert "does not know what it says" in abilities(1.5, 2_000_000)
    assert "check every fact" in abilities(0.7, 7_000_000_000)


def test_reasons_are_told_in_plain_words_most_frequent_first(tmp_path: Path) -> None:
    facts = {"dropped_by_reason": {"exact duplicate": 2, "near duplicate": 9, "never": 0}}
    told = drops(artifact("acme-dataset", tmp_path, facts))
    assert told == [
        Tally("almost the same as a document that was kept", 9),
        Tally("word for word the same as a document that was kept", 2),
    ]


def test_the_curve_leaves_out_steps_without_the_figure(made: dict[str, Artifact]) -> None:
    assert len(curve(made["checkpoint"], "loss")) == 6
    assert curve(made["checkpoint"], "held_out_bits_per_byte")[0] == (512.0, 3.6)


def test_failures_are_listed_and_none_is_no_error(made: dict[str, Artifact], tmp_path: Path) -> None:
    assert failures(made["documents"])[0].fix == "remove the password"
    assert failures(artifact("other-documents", tmp_path, {})) == []


def test_costs_come_in_reading_order_with_their_method(made: dict[str, Artifact]) -> None:
    steps = costs(dict(reversed(made.items())))
    assert [step.step for step in steps] == list(made)
    assert steps[0].watt_hours == 0.5
    assert total_method(steps) == "estimated"
    assert total_method([*steps, replace(steps[0], method="measured")]) == "partly estimated"


def test_the_models_name_is_the_checkpoints_without_its_role(made: dict[str, Artifact]) -> None:
    assert model_name(made["checkpoint"]) == "acme"


def test_what_came_is_told_beside_what_was_foretold() -> None:
    said = {"low": 1.9, "bits_per_byte": 2.0, "high": 2.1}
    assert as_foretold(said, 2.05) == "It came to 2.050: 2.5% worse than foretold, inside the band."
    assert "15.0% better than foretold, outside the band" in as_foretold(said, 1.7)
    assert "nothing compares" in as_foretold(said, None)
