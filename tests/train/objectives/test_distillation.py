"""Distillation against torch's own divergence, by value and by gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from ingot.core.errors import InputError, UsageError
from ingot.data.stream import IGNORED
from ingot.flow.artifact import Artifact
from ingot.model.decoder import Decoder
from ingot.tokenizer.train import learn, write
from ingot.train.objective import Given, TensorBatch
from ingot.train.objectives import next_token
from ingot.train.objectives.distillation import Config, distillation_sum, loss
from ingot.train.run import pretrain
from tests.train.small import MODEL, artifact, context, settings
from tests.train.test_beginning import model_folder

TEACHER = replace(MODEL, width=48, layers=3)


def slow(logits_NV: torch.Tensor, taught_NV: torch.Tensor, targets_N: torch.Tensor, config: Config) -> torch.Tensor:
    """Every row by itself, with the library's functions."""
    total = torch.zeros(())
    for logits, taught, target in zip(logits_NV, taught_NV, targets_N, strict=True):
        if target == IGNORED:
            continue
        t = config.temperature
        kept = taught.topk(config.top_k or len(taught)).indices
        wanted = torch.zeros_like(taught)
        wanted[kept] = torch.softmax(taught[kept] / t, 0)
        divergence = F.kl_div(torch.log_softmax(logits / t, 0), wanted, reduction="sum")
        surprise = F.cross_entropy(logits[None], target[None])
        total = total + config.share * t * t * divergence + (1 - config.share) * surprise
    return total


@pytest.mark.parametrize("config", [Config(), Config(1.0, 1.0), Config(3.0, 0.7, top_k=5), Config(1.0, 0.0)])
def test_value_and_gradient_are_those_of_the_formula(config: Config) -> None:
    torch.manual_seed(0)
    hidden, head = torch.randn(23, 8, requires_grad=True), torch.randn(40, 8, requires_grad=True)
    taught, teacher = torch.randn(23, 12), torch.randn(40, 12)
    targets = torch.randint(40, (23,))
    targets[::5] = IGNORED
    expected = slow(hidden @ head.T, taught @ teacher.T, targets, config)
    wanted = torch.autograd.grad(3 * expected, (hidden, head))
    total = distillation_sum(hidden, head, taught, teacher, targets, config)
    found = torch.autograd.grad(3 * total, (hidden, head))
    torch.testing.assert_close(total, expected, rtol=1e-5, atol=1e-4)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.fixture
def given(inputs: Mapping[str, Artifact], tmp_path: Path) -> Given:
    tokenizer = inputs["tokenizer"].path
    return Given({"tokenizer": tokenizer, "teacher": model_folder(tmp_path / "teacher", tokenizer, TEACHER)})


def batch() -> TensorBatch:
    ids = torch.randint(512, (2, 21), generator=torch.Generator().manual_seed(0))
    return TensorBatch(ids[:, :-1], ids[:, 1:].clone(), torch.zeros(2, 20).int())


def test_the_teacher_learns_nothing_and_teaches_itself_nothing(given: Given) -> None:
    teacher = given.decoder("teacher", torch.device("cpu"), torch.float32, "")
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    student = Decoder(TEACHER)
    student.load_state_dict(teacher.state_dict())
    alike = loss(student, batch(), Config(share=1.0), given)
    assert float(alike.total.detach()) == pytest.approx(0, abs=1e-3)
    without = loss(student, batch(), Config(share=0.0), given)
    torch.testing.assert_close(without.total, next_token.loss(student, batch(), next_token.Config()).total)


def test_a_student_comes_nearer_to_its_teacher(inputs: Mapping[str, Artifact], given: Given, tmp_path: Path) -> None:
    teacher = artifact("teacher", tmp_path / "teacher")
    config = settings(steps=30, learning_rate=1e-2, objective="distillation", objective_options={"share": 1.0})
    pretrain(config, {**inputs, "teacher": teacher}, context(tmp_path / "student"))
    curve = (tmp_path / "student/curve.jsonl").read_text().splitlines()
    first, last = (float(line.partition('"loss": ')[2].partition(",")[0]) for line in (curve[0], curve[-1]))
    assert last < 0.7 * first


def test_a_missing_or_foreign_teacher_is_refused(inputs: Mapping[str, Artifact], given: Given, tmp_path: Path) -> None:
    tokenizer = inputs["tokenizer"].path
    with pytest.raises(UsageError, match="needs an input 'teacher'"):
        loss(Decoder(MODEL), batch(), Config(), Given({"tokenizer": tokenizer}))
    write(learn(["something else " * 300], 512), tmp_path / "teacher")
    with pytest.raises(InputError, match="other tokens"):
        loss(Decoder(MODEL), batch(), Config(), given)
    with pytest.raises(UsageError, match="temperature"):
        Config(temperature=0)
