"""How to divide a training among devices so that it fits: the ParallelPlan, the pieces of a batch, and the reasons.

Tried in this order, the first that fits wins, because each next one costs more: weights cut into as few parts as they
fit (the rest are copies, so that what is gathered lies close together), more pieces per step, rows and matrices cut
among the devices of one machine, layers in a row over machines, and then all of it with layers computed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ingot.core.errors import InputError
from ingot.core.storage import as_size
from ingot.model.config import ModelConfig
from ingot.plan.memory import Memory, Work, training_memory
from ingot.plan.parallel import ParallelPlan, ways

# Of a device's memory: the estimate is off by up to a tenth.
USABLE = 0.9
# A second forward pass: four passes' work instead of three.
RECOMPUTED = 4 / 3
_MOST_DEVICES = 65_536


@dataclass(frozen=True)
class Division:
    """What each device does, what it needs for that, and of how much."""

    plan: ParallelPlan
    work: Work
    memory: Memory
    device_bytes: float


def divide(
    model: ModelConfig,
    work: Work,
    devices: int,
    per_machine: int,
    device_bytes: float,
    given: ParallelPlan | None = None,
) -> Division:
    """Return the first division that fits; of `given` only how its rows are cut is open.

    Rows are added where they do not go round. Raises InputError naming the nearest that fits.
    """
    found = first_division(model, work, devices, per_machine, device_bytes, given)
    if found is None:
        raise _does_not_fit(model, work, devices, per_machine, device_bytes, given)
    return found


def first_division(
    model: ModelConfig,
    work: Work,
    devices: int,
    per_machine: int,
    device_bytes: float,
    given: ParallelPlan | None = None,
) -> Division | None:
    """Return the first division that fits, None when none does."""
    plans = [given] if given is not None else list(ways(model, devices, per_machine, work.sequence_length))
    for is_recomputed in dict.fromkeys((work.is_recomputed, True)):
        for plan in plans:
            rows = -(-work.batch_size // plan.readers) * plan.readers
            for pieces in _powers(rows // plan.readers):
                tried = replace(
                    work,
                    batch_size=rows,
                    accumulate=max(pieces * plan.readers if pieces > 1 else 1, work.accumulate),
                    is_recomputed=is_recomputed,
                )
                memory = training_memory(model, tried, plan)
                if memory.peak <= device_bytes * USABLE:
                    return Division(plan, tried, memory, device_bytes)
    return None


def _powers(largest: int) -> Iterator[int]:
    power = 1
    while power <= largest:
        if largest % power == 0:
            yield power
        power *= 2


def _does_not_fit(
    model: ModelConfig, work: Work, devices: int, per_machine: int, device_bytes: float, given: ParallelPlan | None
) -> InputError:
    alone = training_memory(
        model, replace(work, batch_size=1, accumulate=1, is_recomputed=True), given or ParallelPlan()
    )
    more = _nearest_count(model, work, devices, per_machine, device_bytes)
    fixes = [f"the nearest number of devices that fits is {more}"] if more else []
    if given is not None:
        fixes.append("leave --parallel out, so that it is chosen")
    shorter = replace(work, sequence_length=work.sequence_length // 2)
    if first_division(model, shorter, devices, per_machine, device_bytes, given) is not None:
        fixes.append(f"rows of {shorter.sequence_length} tokens fit")
    return InputError(
        f"a model of {model.parameters:,} parameters does not fit on {devices} device{'s' if devices > 1 else ''}"
        f" of {as_size(device_bytes)}",
        why=f"with one row at a time it needs {as_size(alone.peak)} on {'each' if given else 'one'}",
        fix="; ".join(fixes) or "choose a smaller model, or devices with more memory",
    )


def _nearest_count(model: ModelConfig, work: Work, devices: int, per_machine: int, device_bytes: float) -> int:
    count = devices
    while count < _MOST_DEVICES:
        count = count * 2 if count >= per_machine else min(count * 2, max(per_machine, 1))
        if first_division(model, work, count, max(per_machine, min(count, 8)), device_bytes, None) is not None:
            return count
    return 0
