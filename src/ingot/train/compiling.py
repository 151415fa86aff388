"""Whether a training compiles its small operations (`model.fusing`), and that it keeps to it when it is resumed.

Compiled code rounds elsewhere than the operations one by one, so the choice is part of a training's state: it is made
once, from numbers that do not change from one start to the next, and written into every checkpoint.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ingot.core.errors import UsageError
from ingot.core.events import Emit
from ingot.model.fusing import fused, fusible
from ingot.train.config import PretrainConfig
from ingot.train.state import TrainingState

# What one core does of a training's arithmetic in a second, about: docs/decisions/0009.
_OPERATIONS_PER_SECOND = {"bf16": 2e11, "fp32": 6e10}
# Compiling saves some 8 per cent of the time and costs up to half a minute at every start: below this it may not pay.
_LONG_SECONDS = 600.0


def choose_compiling(config: PretrainConfig, state: TrainingState, saved: Mapping[str, Any] | None, emit: Emit) -> bool:
    """Say whether to compile: what the checkpoint's `saved` scalars say, or else what the config says.

    A training that was compiled and finds no compiler goes on without, with a warning. Raises UsageError where the
    config demands what cannot be.
    """
    is_possible = state.placement.ranks.size == 1 and state.device.type == "cpu"
    if saved is not None:
        was_compiled = bool(saved.get("is_compiled")) and is_possible
        if was_compiled and not has_compiler():
            text = "this training was compiled, and here no compiler works: it goes on without, with other roundings"
            emit("warning", text=text)
            return False
        return was_compiled
    if config.compile == "on":
        if not is_possible:
            why = "in several processes parts of layers wait for one another; on a GPU it was never tried"
            raise _refused("only a training in one process, on a processor, is compiled", why)
        if not has_compiler():
            raise _refused("there is no compiler that works", "compiling needs g++ or clang, and the headers of Python")
        return True
    return (
        config.compile == "auto"
        and is_possible
        and expected_seconds(config, state.precision, state.threads) >= _LONG_SECONDS
        and has_compiler()
    )


def expected_seconds(config: PretrainConfig, precision: str, threads: int) -> float:
    """Return about how long a training takes on a processor: from its sizes alone, so that it says the same again."""
    tokens = config.steps * config.batch_size * config.sequence_length
    operations = tokens * config.model.flops_per_token(config.sequence_length)
    return operations / (_OPERATIONS_PER_SECOND[precision] * threads)


def has_compiler() -> bool:
    """Compile a line, to see whether that works here."""
    try:
        with warnings.catch_warnings(), fused(True):
            warnings.simplefilter("ignore")  # when it is loaded, the library warns of its own old parts
            return bool(_line(torch.ones(32)).sum() == 64)
    except (RuntimeError, OSError, ImportError):  # what is missing fails in as many ways as there are things to miss
        return False


@fusible
def _line(x: Tensor) -> Tensor:
    return x * 3 - 1


def _refused(what: str, why: str) -> UsageError:
    return UsageError(what, where="training config, option compile", why=why, fix="leave compile out, or set it to off")
