"""Log-probabilities and their gradients are those of all logits at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ingot.data.stream import IGNORED
from ingot.train.log_probabilities import log_probabilities


def test_values_and_gradients_are_those_of_all_logits_at_once() -> None:
    torch.manual_seed(torch.seed() % 2**31)
    hidden, head = torch.randn(70, 12).requires_grad_(), torch.randn(40, 12).requires_grad_()
    targets = torch.randint(0, 40, (70,)).masked_fill(torch.rand(70) < 0.4, IGNORED)
    worth = torch.randn(int((targets != IGNORED).sum()))
    found = log_probabilities(hidden, head, targets, chunk_rows=16)
    (found * worth).sum().backward()
    mine = hidden.grad, head.grad
    hidden.grad = head.grad = None
    is_read = targets != IGNORED
    odds = F.linear(hidden, head).log_softmax(-1)[is_read].gather(1, targets[is_read, None]).squeeze(1)
    (odds * worth).sum().backward()
    torch.testing.assert_close(found, odds)
    torch.testing.assert_close(mine, (hidden.grad, head.grad), atol=1e-5, rtol=1e-5)


def test_a_batch_without_targets_costs_nothing_and_gives_nothing() -> None:
    hidden, head = torch.randn(4, 3).requires_grad_(), torch.randn(5, 3).requires_grad_()
    found = log_probabilities(hidden, head, torch.full((4,), IGNORED))
    found.sum().backward()
    assert found.shape == (0,)
    assert hidden.grad is not None
    assert not hidden.grad.any()
