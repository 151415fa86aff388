"""What goes wrong with the numbers of a training, noticed while nothing is lost yet.

A batch whose gradient is no number, or far longer than usual, is not applied. A processor or memory that errs in
silence (Dixit et al., 2021, "Silent Data Corruptions at Scale") is found by two witnesses: the weights must have the
bits they had after the step before, and every so often a gradient is computed twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from ingot.core.errors import StepError
from ingot.train.state import TrainingState

# Of the running mean of gradient lengths, a step: a memory of some fifty steps.
_KEPT = 0.98
# How far two computations of one gradient may differ where kernels do not promise equal bits.
_TOLERANCE = 1e-2
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def trouble_with(loss: float, norm: float, state: TrainingState, warmup_steps: int, spike_factor: float) -> str:
    """Say why a step must not be taken; an empty string when it may. `norm` is the gradient's before clipping."""
    if not math.isfinite(loss) or not math.isfinite(norm):
        return f"its loss or gradient is not a number (loss {loss})"
    usual = state.usual_norm
    if spike_factor and state.step >= warmup_steps and usual and norm > spike_factor * usual:
        return f"its gradient is {norm / usual:.0f} times as long as usual (loss {loss:.3f})"
    return ""


def learn_usual(state: TrainingState, norm: float) -> None:
    """Take the length of a sound gradient into the running mean."""
    state.usual_norm = norm if not state.usual_norm else _KEPT * state.usual_norm + (1 - _KEPT) * norm


def bits_of(tensors: Iterable[Tensor]) -> int:
    """Return the sum of all bits, read as integers: a single flipped one changes it."""
    total = 0
    for tensor in tensors:
        flat = tensor.detach().reshape(-1)
        is_even = flat.nbytes % 8 == 0
        total += int(flat.view(torch.int64 if is_even else _INTEGERS[flat.element_size()]).sum(dtype=torch.int64))
    return total


def check_twice(again: Callable[[], None], parameters: Sequence[nn.Parameter], is_exact: bool) -> str:
    """Compute the gradients at hand again and compare; leave right ones, and return what there is to say.

    `again` puts new gradients in the place of the old. Raises StepError when no two of three computations agree.
    """
    first = _witness(parameters, is_exact)
    again()
    second = _witness(parameters, is_exact)
    if _agree(first, second, is_exact):
        return ""
    again()
    third = _witness(parameters, is_exact)
    if _agree(third, first, is_exact) or _agree(third, second, is_exact):
        return "a gradient came out differently when it was computed again; the one that came out twice is used"
    raise StepError(
        "this machine computes the same gradient differently every time",
        why="its processor or memory is faulty: what was trained since the last checkpoint may be wrong",
        fix="run the same command on another machine: it goes on from the last checkpoint; have this one checked",
    )


def _witness(parameters: Sequence[nn.Parameter], is_exact: bool) -> float:
    """Return the gradients as one number: their bits, or their length where kernels do not promise equal bits."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return bits_of(gradients) if is_exact else float(nn.utils.get_total_norm(gradients))


def _agree(one: float, other: float, is_exact: bool) -> bool:
    return one == other if is_exact else math.isclose(one, other, rel_tol=_TOLERANCE)
