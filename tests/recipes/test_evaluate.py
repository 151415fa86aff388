from __future__ import annotations

from pathlib import Path

from ingot.core.plugins import load
from ingot.evaluate.config import AskConfig, CompareConfig, TaskConfig
from ingot.flow.step import in_order
from ingot.recipes.evaluate import comparison, evaluation, task
from tests.evaluate.small_build import artifact


def test_a_model_is_asked_a_task_with_what_it_was_trained_on(tmp_path: Path) -> None:
    asked, rows = task("exam", TaskConfig("multiple_choice"), [tmp_path / "exam.csv"])
    dataset, model = artifact("acme-dataset", tmp_path, {}), artifact("acme-checkpoint", tmp_path, {})
    step, given = evaluation("exam", model, asked, [dataset], AskConfig())
    assert (asked.artifact, step.artifact) == ("exam-task", "acme-exam-evaluation")
    assert not rows
    assert set(given) == {"model", "trained-on-1"}
    assert [each.name for each in in_order([step])] == ["model", "trained-on-1", "task", "evaluation"]


def test_another_version_of_a_task_makes_another_artifact(tmp_path: Path) -> None:
    asked, given = task("held", TaskConfig("documents"), [], datasets=[artifact("acme-dataset", tmp_path, {})])
    assert asked.version == load("task", "documents").other("VERSION")
    assert set(asked.inputs) == set(given) == {"rows-1"}
    assert not asked.sources


def test_pairs_may_share_an_evaluation(tmp_path: Path) -> None:
    one, two, three = (
        artifact(name, tmp_path, {}) for name in ("a-exam-evaluation", "b-exam-evaluation", "c-exam-evaluation")
    )
    steps, given = comparison([(one, two), (one, three)], CompareConfig())
    assert [step.artifact for step in steps] == ["b-exam-comparison", "c-exam-comparison"]
    assert set(given) == {"a-exam-evaluation@1", "b-exam-evaluation@1", "c-exam-evaluation@1"}
    assert len(in_order(steps)) == 5
