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
from ingot.train.parallel.ranks import Ranks
from ingot.train.state import TrainingState

# Of the running mean of gradient lengths, a step: a memory of some fifty steps.
_KEPT = 0.98
# Times the loss of a model that knows nothing: no text is that surprising, so it is the model that is wrong.
_EXPLODED = 2.0
# How far two computations of one gradient may differ where kernels do not promise equal bits.
_TOLERANCE = 1e-2
ALONE = Ranks()
_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def trouble_with(loss: float, norm: float, state: TrainingState, warmup_steps: int, spike_factor: float) -> str:
    """Say why a step must not be taken; an empty string when it may. `norm` is the gradient's before clipping."""
    if not math.isfinite(loss) or not math.isfinite(norm):
        return f"its loss or gradient is not a number (loss {loss})"
    usual, first = state.usual_norm, max(state.first_loss, math.log(state.decoder.config.vocabulary))
    if not spike_factor or state.step < warmup_steps or not usual:
        return ""
    if norm > spike_factor * usual:
        return f"its gradient is {norm / usual:.0f} times as long as usual (loss {loss:.3f})"
    if loss > _EXPLODED * first:
        return f"its loss is {loss:.3g}, and was {state.first_loss:.3g} at the first step"
    return ""


def learn_usual(state: TrainingState, norm: float, loss: float) -> None:
    """Take the length of a sound gradient into the running mean; remember the first loss."""
    state.first_loss = state.first_loss or loss
    state.usual_norm = norm if not state.usual_norm else _KEPT * state.usual_norm + (1 - _KEPT) * norm


def bits_of(tensors: Iterable[Tensor]) -> int:
    """Return the sum of all bits, read as integers: a single flipped one changes it."""
    total = 0
    for tensor in tensors:
        flat = tensor.detach().reshape(-1)
        is_even = flat.nbytes % 8 == 0
        total += int(flat.view(torch.int64 if is_even else _INTEGERS[flat.element_size()]).sum(dtype=torch.int64))
    return total


def check_twice(
    again: Callable[[], None], gradients: Callable[[], Sequence[Tensor]], is_exact: bool, ranks: Ranks = ALONE
) -> str:
    """Compute the gradients at hand again and compare; leave right ones, and return what there is to say.

    `again` puts new ones in their place. All ranks compare what all ranks found, so that each does the same. Raises
    StepError when no two of three computations agree.
    """
    first = ranks.all(_witness(gradients(), is_exact))
    again()
    second = ranks.all(_witness(gradients(), is_exact))
    if _agree(first, second, is_exact):
        return ""
    again()
    third = ranks.all(_witness(gradients(), is_exact))
    if _agree(third, first, is_exact) or _agree(third, second, is_exact):
        where = f" on rank {_where(first, second, is_exact)}" if ranks.size > 1 else ""
        return f"a gradient came out differently{where} when it was computed again; the one that came out twice is used"
    raise StepError(
        "this machine computes the same gradient differently every time",
        why="its processor or memory is faulty: what was trained since the last checkpoint may be wrong",
        fix="run the same command on another machine: it goes on from the last checkpoint; have this one checked",
    )


def _witness(gradients: Sequence[Tensor], is_exact: bool) -> float:
    """Return the gradients as one number: their bits, or their length where kernels do not promise equal bits."""
    return bits_of(gradients) if is_exact else float(nn.utils.get_total_norm(list(gradients)))


def _agree(one: Sequence[float], other: Sequence[float], is_exact: bool) -> bool:
    return not _where(one, other, is_exact)


def _where(one: Sequence[float], other: Sequence[float], is_exact: bool) -> str:
    """Name the ranks that found something else the second time."""
    pairs = enumerate(zip(one, other, strict=True))
    # Bits are whole numbers larger than a float can hold: these are compared as they are.
    return ", ".join(
        str(rank)
        for rank, (was, now) in pairs
        if was != now and (is_exact or not math.isclose(was, now, rel_tol=_TOLERANCE))
    )
