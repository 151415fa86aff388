from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.step import Partial, Step
from ingot.plan.rewarding import RewardConfig
from ingot.recipes.align import Choices, Examples, Kind, Offset, align
from ingot.train.config import AdapterConfig, PretrainConfig
from ingot.train.objectives import preference
from tests.registry.made import add


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    add(home, "acme-checkpoint", "Checkpoint", facts={"model": {"context": 512}})
    add(home, "acme", facts={"kind": "base"}, checkpoint="acme-checkpoint@1")
    return home


def graph(home: Home, base: Artifact, examples: Examples, **choices: typing.Any) -> dict[str, Step]:
    steps, given = align("kind", base, home, examples, Choices(**choices))
    assert given == {"start": home.get("acme-checkpoint")}
    return {step.name: step for step in steps}


def test_what_is_preferred_goes_on_from_what_was_taught(home: Home, tmp_path: Path) -> None:
    examples = Examples(tmp_path / "pairs", tmp_path / "talks", tmp_path / "kept")
    steps = graph(home, home.get("acme"), examples, kind="ipo", beta=0.3)
    taught, preferred, reference, model = (steps[name] for name in ("checkpoint", "preferred", "reference", "model"))
    assert (taught.artifact, preferred.artifact) == ("kind-taught-checkpoint", "kind-checkpoint")
    assert {preferred.inputs["start"], reference.inputs["start"], steps["report"].inputs["start"]} == {taught}
    assert (model.inputs["checkpoint"], model.inputs["report"]) == (preferred, steps["report"])
    assert (model.artifact, model.config.kind) == ("kind", "chat")
    assert next(iter(steps)) == "pairs"  # what is wrong with them is told before anything is trained
    assert steps["pairs"].config.row_tokens == 512
    assert isinstance(preferred.config, Partial)
    assert preferred.config.literals["objective_options"] == {
        "kind": "ipo",
        "beta": 0.3,
        "offset": "none",
        "offset_scale": 1.0,
    }
    named = set(preferred.config.literals) | set(preferred.fields)
    assert named <= {field.name for field in dataclasses.fields(PretrainConfig)}


def test_what_answers_already_begins_with_preferences_and_what_does_not_is_refused(home: Home, tmp_path: Path) -> None:
    examples = Examples(tmp_path / "pairs")
    chats = add(home, "chats", facts={"kind": "chat"}, checkpoint="acme-checkpoint@1")
    steps = graph(home, chats, examples)
    assert [*steps] == ["pairs", "preference-plan", "reference", "preferred", "report", "model"]
    assert steps["preferred"].inputs["start"].name == "start"
    with pytest.raises(InputError, match="has not learned to answer"):
        align("kind", home.get("acme"), home, examples, Choices())


def test_adapters_are_put_into_the_weights_after_each_stage(home: Home, tmp_path: Path) -> None:
    examples = Examples(tmp_path / "pairs", tmp_path / "talks")
    steps = graph(home, home.get("acme"), examples, adapters=AdapterConfig(rank=2))
    taught, merged = steps["taught"], steps["merged"]
    assert taught.inputs == {"start": steps["checkpoint"].inputs["start"], "adapters": steps["checkpoint"]}
    assert merged.inputs == {"start": taught, "adapters": steps["preferred"]}
    assert steps["preferred"].inputs["start"] is taught
    assert (merged.artifact, steps["model"].inputs["checkpoint"]) == ("kind-checkpoint", merged)
    assert steps["preference-plan"].config.literals["rate_factor"] == 10.0


def test_what_to_do_with_bad_rows_counts_for_both_files(home: Home, tmp_path: Path) -> None:
    examples = Examples(tmp_path / "pairs", tmp_path / "talks")
    steps = graph(home, home.get("acme"), examples, bad_rows="refuse")
    assert {steps[name].config.bad_rows for name in ("shards", "pairs")} == {"refuse"}


def test_an_offset_for_a_loss_without_one_is_said_before_anything_is_trained() -> None:
    with pytest.raises(UsageError, match="no meaning for the loss 'hinge'"):
        Choices(kind="hinge", offset="log")


def test_the_losses_are_those_of_the_objective() -> None:
    assert set(typing.get_args(Kind)) == set(typing.get_args(preference.Kind))
    assert set(typing.get_args(Offset)) == set(typing.get_args(preference.Offset))


def test_rewards_come_last_and_the_reports_are_on_what_comes_out(home: Home, tmp_path: Path) -> None:
    examples = Examples(tmp_path / "pairs", tmp_path / "talks", prompts=tmp_path / "sums")
    steps = graph(home, home.get("acme"), examples, reward="number", reward_options={"tolerance": 1}, seed=4)
    assert [*steps][:3] == ["prompts", "pairs", "shards"]  # all files are read before anything is trained
    preferred, rewarded, report = steps["preferred"], steps["rewarded"], steps["report"]
    assert (preferred.artifact, rewarded.artifact) == ("kind-preferred-checkpoint", "kind-checkpoint")
    assert (rewarded.inputs["start"], steps["answers"].inputs["checkpoint"]) == (preferred, rewarded)
    assert steps["preference-report"].inputs["checkpoint"] is rewarded
    assert report.inputs == {"answers": steps["answers"], "preferences": steps["preference-report"]}
    assert steps["model"].inputs["report"] is report
    assert (steps["prompts"].config.reward, steps["prompts"].config.row_tokens) == ("number", 384)
    planned = steps["reward-plan"].config.literals
    assert planned["options"] == {"reward": "", "seed": 4}
    named = set(rewarded.config.literals) | set(rewarded.fields)
    assert named <= {field.name for field in dataclasses.fields(PretrainConfig)}
    assert set(planned) | set(steps["reward-plan"].fields) <= {field.name for field in dataclasses.fields(RewardConfig)}


def test_a_reward_of_ones_own_is_a_source_so_that_its_text_counts(home: Home, tmp_path: Path) -> None:
    chats = add(home, "chats", facts={"kind": "chat"}, checkpoint="acme-checkpoint@1")
    adapters = AdapterConfig(rank=2)
    steps = graph(home, chats, Examples(prompts=tmp_path / "sums"), reward="./short.py", adapters=adapters)
    assert [*steps] == ["prompts", "reward-plan", "rewarded", "rewarded-merged", "answers", "report", "model"]
    assert (steps["prompts"].config.reward, [*steps["prompts"].sources]) == ("", ["prompts", "reward"])
    assert steps["model"].inputs["checkpoint"] is steps["rewarded-merged"]
    assert steps["answers"].inputs["checkpoint"] is steps["rewarded-merged"]


def test_conversations_alone_will_do(home: Home, tmp_path: Path) -> None:
    steps = graph(home, home.get("acme"), Examples(conversations=tmp_path / "talks"))
    assert [*steps] == ["shards", "plan", "checkpoint", "model"]
    assert steps["checkpoint"].artifact == "kind-checkpoint"


@pytest.mark.parametrize(
    ("examples", "choices", "said"),
    [
        (Examples(), Choices(), "nothing to learn from"),
        (Examples(prompts=Path("sums")), Choices(), "need a reward"),
        (Examples(Path("pairs")), Choices(reward="number"), "needs prompts"),
        (Examples(Path("pairs"), validation=Path("kept")), Choices(), "none to learn from"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(home: Home, examples: Examples, choices: Choices, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        align("kind", home.get("acme"), home, examples, choices)
    with pytest.raises(UsageError, match="one answer"):
        Choices(answers=1)
