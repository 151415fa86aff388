from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ingot.data.stream import IGNORED
from ingot.train.cross_entropy import cross_entropy_sum


def draw(rows: int = 50, width: int = 12, vocabulary: int = 40, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(rows)
    hidden = (torch.randn(rows, width, generator=generator) * scale).requires_grad_()
    head = torch.randn(vocabulary, width, generator=generator).requires_grad_()
    targets = torch.randint(vocabulary, (rows,), generator=generator)
    targets[::7] = IGNORED
    return hidden, head, targets


@pytest.mark.parametrize("chunk_rows", [1, 16, 50, 512])
def test_loss_and_gradients_are_those_of_the_library(chunk_rows: int) -> None:
    hidden, head, targets = draw()
    expected = F.cross_entropy(hidden @ head.T, targets, reduction="sum")
    expected_gradients = torch.autograd.grad(3 * expected, (hidden, head))
    total = cross_entropy_sum(hidden, head, targets, chunk_rows)
    torch.testing.assert_close(total, expected)
    for found, wanted in zip(torch.autograd.grad(3 * total, (hidden, head)), expected_gradients, strict=True):
        torch.testing.assert_close(found, wanted)


def test_rows_without_a_target_have_no_part() -> None:
    hidden, head, targets = draw()
    total = cross_entropy_sum(hidden, head, torch.full_like(targets, IGNORED))
    gradients = torch.autograd.grad(total, (hidden, head))
    assert total.item() == 0.0
    assert not any(gradient.any() for gradient in gradients)
    (dhidden,) = torch.autograd.grad(cross_entropy_sum(hidden, head, targets), hidden)
    assert not dhidden[targets == IGNORED].any()
    assert dhidden[targets != IGNORED].any(1).all()


def test_a_target_the_model_holds_impossible_costs_its_true_surprise() -> None:
    hidden, head, targets = draw(scale=100.0)
    logits = hidden @ head.T
    assert torch.softmax(logits, -1).gather(1, targets.clamp(min=0)[:, None]).min() == 0.0  # beyond float32
    expected = F.cross_entropy(logits, targets, reduction="sum")
    torch.testing.assert_close(cross_entropy_sum(hidden, head, targets), expected)


def test_bf16_hidden_states_keep_a_float32_head_gradient() -> None:
    hidden, head, targets = draw(rows=600)
    exact = torch.autograd.grad(cross_entropy_sum(hidden, head, targets), (hidden, head))
    rounded = hidden.detach().bfloat16().requires_grad_()
    total = cross_entropy_sum(rounded, head, targets, 64)
    dhidden, dhead = torch.autograd.grad(total, (rounded, head))
    assert (total.dtype, dhidden.dtype, dhead.dtype) == (torch.float32, torch.bfloat16, torch.float32)
    assert float((dhead - exact[1]).norm() / exact[1].norm()) < 0.02
    assert float((dhidden.float() - exact[0]).norm() / exact[0].norm()) < 0.02


class LargestTensor(TorchDispatchMode):
    """Notes the largest tensor any operation inside the block made."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        made = result if isinstance(result, tuple | list) else [result]
        self.numbers = max(self.numbers, *(item.numel() for item in made if isinstance(item, Tensor)), 0)
        return result


def test_the_logits_never_exist_at_once() -> None:
    hidden, head, targets = draw(rows=400, width=4, vocabulary=100)
    with LargestTensor() as seen:
        cross_entropy_sum(hidden, head, targets, 20).backward()
    assert 20 * 100 <= seen.numbers < 400 * 100


def test_without_gradients_it_only_adds_up() -> None:
    hidden, head, targets = draw()
    with torch.no_grad():
        total = cross_entropy_sum(hidden, head, targets)
    assert not total.requires_grad
    torch.testing.assert_close(total, F.cross_entropy(hidden @ head.T, targets, reduction="sum").detach())
