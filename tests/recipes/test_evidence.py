from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ingot.core.errors import UsageError
from ingot.flow.recipe_file import as_literals, steps_from_literals
from ingot.flow.step import Partial, Step, in_order
from ingot.recipes.evidence import ARMS, TRAINED, Choices, Given, evidence
from ingot.train.config import PretrainConfig

GIVEN = Given(("docs",), ("faq.csv",), ("news",))


def steps(**choices: object) -> dict[str, Step]:
    return {step.name: step for step in evidence("acme", GIVEN, Choices(**choices))}  # type: ignore[arg-type]  # as the test says


def test_every_step_comes_after_what_it_needs() -> None:
    made = evidence("acme", GIVEN, Choices(arms=ARMS, seeds=2, at_equal_bytes=True))
    assert {step.name for step in in_order([made[-1]])} == {step.name for step in made}
    assert made[-1].artifact == "acme"


def test_what_goes_on_goes_on_from_the_general_model_of_its_seed() -> None:
    made = steps(arms=("own", "continued"), seeds=2)
    assert [name for name in made if name.endswith("-score")] == [
        f"{arm}-seed-{seed}-score" for seed in (0, 1) for arm in ("own", "general", "continued")
    ]
    assert made["continued-seed-1"].inputs["start"] is made["general-seed-1"]
    assert "start" not in made["own-seed-1"].inputs
    assert made["continued-seed-1"].inputs["tokenizer"] is made["general-tokenizer"]
    assert made["continued-seed-1"].inputs["shards"] is made["borrowed-shards"]


def test_all_arms_are_trained_alike() -> None:
    made = steps(arms=ARMS)
    for arm in TRAINED:
        training = made[f"{arm}-seed-0"]
        assert isinstance(training.config, Partial)
        assert training.config.literals == {"seed": 0, "hooks": ["ingot.evaluate.evidence.meter:processor_seconds"]}
        settings = set(training.config.literals) | set(training.fields)
        assert settings <= {field.name for field in dataclasses.fields(PretrainConfig)}
        assert training.fields["steps"].fact == "compute.steps"
        assert made[f"{arm}-seed-0-score"].inputs["texts"] is made["texts"]
    rates = {arm: made[f"{arm}-seed-0"].fields["learning_rate"].fact for arm in TRAINED}
    assert rates.pop("continued") == "continued_learning_rate"
    assert set(rates.values()) == {"learning_rate"}


def test_at_equal_bytes_steps_are_of_the_arm() -> None:
    made = steps(arms=("own", "mixed"), at_equal_bytes=True)
    assert made["mixed-bytes-seed-0"].fields["steps"].fact == "bytes.mixed.steps"
    assert "own-bytes-seed-0" not in made


def test_retrieval_shows_the_general_model_what_is_trained_on_alone() -> None:
    made = steps(arms=("own", "retrieval"), seeds=2)
    score = made["retrieval-seed-1-score"]
    assert score.inputs["checkpoint"] is made["general-seed-1"]
    assert score.config.passages == 2
    assert made["index"].config.tables == ("train",)
    assert made["own-seed-0-score"].config.passages == 0


def test_the_time_is_shared_by_all_trainings() -> None:
    assert Choices(arms=("own", "mixed")).trainings == 2
    assert Choices(arms=("own", "continued", "mixed", "retrieval")).trainings == 4  # and the general model
    full = Choices(arms=ARMS, seeds=5, at_equal_bytes=True)
    assert full.trainings == 5 * (5 + 3)
    assert full.seconds_of_one * full.trainings == pytest.approx(0.75 * full.seconds)


def test_for_steps_no_speed_is_measured() -> None:
    assert {"probe", "pace"} <= set(steps())
    assert not {"probe", "pace"} & set(steps(steps=10))


def test_near_duplicates_go_before_the_split() -> None:
    config = steps()["dataset"].config
    assert config.drop_near_duplicates
    assert config.near.similarity == config.split.similarity == 0.5


@pytest.mark.parametrize(("arms", "what"), [(("own", "mixd"), "mixd"), (("own",), "alone"), (("mixed",), "alone")])
def test_what_is_no_comparison_is_told(arms: tuple[str, ...], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        Choices(arms=arms)


def test_the_graph_survives_as_data(tmp_path: Path) -> None:
    given = Given((str(tmp_path),), (str(tmp_path),), (str(tmp_path),))
    graph = as_literals(evidence("acme", given, Choices(arms=ARMS)))
    assert as_literals(steps_from_literals(graph["steps"], "here", tmp_path)) == graph
