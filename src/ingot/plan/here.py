"""Where a training is planned for: how fast it is there, what it takes, and what fits into memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingot.core.errors import InputError
from ingot.core.hardware import Machine
from ingot.core.storage import as_size
from ingot.plan.candidate import Candidate
from ingot.plan.dividing import RECOMPUTED, USABLE, first_division
from ingot.plan.memory import Memory, Work, training_memory
from ingot.plan.paying import Power, power_of
from ingot.plan.throughput import Throughput, estimated, from_probe


@dataclass(frozen=True)
class Here:
    """Throughput, cores, watts, bytes of memory of a device (0: not known) and the precision it trains in.

    Several devices, `per_machine` of them in each machine, may divide a training.
    """

    throughput: Throughput
    cores: int
    power: Power
    memory_bytes: int = 0
    precision: str = "bf16"
    devices: int = 1
    per_machine: int = 1
    is_gpu: bool = False

    def work(self, one: Candidate) -> Work:
        """Return what a step of a candidate does."""
        planned = one.schedule
        return Work(
            planned.batch_size,
            planned.sequence_length,
            planned.accumulate,
            precision=self.precision,
            is_recomputed=planned.recompute,
            is_gpu=self.is_gpu,
        )

    def memory(self, one: Candidate) -> Memory:
        """Return the memory that training a candidate takes."""
        return training_memory(one.model, self.work(one))

    def fit(self, one: Candidate) -> Candidate | None:
        """Return a candidate with its batch in as many pieces as fit, layers computed again if need be, or None."""
        if not self.memory_bytes:
            return one
        found = first_division(one.model, self.work(one), self.devices, self.per_machine, self.memory_bytes)
        if found is None:
            return None
        pieces, again = found.work.accumulate, found.work.is_recomputed
        rate = one.tokens_per_second / (RECOMPUTED if again else 1.0)
        return replace(one, tokens_per_second=rate, schedule=replace(one.schedule, accumulate=pieces, recompute=again))

    def too_large(self, trainable: Sequence[Candidate]) -> InputError:
        """Return the error for when none of these fits, with the largest model that would."""
        one = min(trainable, key=lambda one: one.model.parameters)
        model = one.model
        while model.layers > 1 and self.fit(replace(one, model=model)) is None:
            model = replace(model, layers=model.layers - 1)
        near = f"--width {model.width} --layers {model.layers}, or leave both out"
        return InputError(
            f"a model of {one.model.parameters:,} parameters does not fit into {as_size(self.memory_bytes)} of memory",
            why=f"training it takes about {as_size(self.memory(one).peak)}; {USABLE:.0%} of the memory may be used",
            fix=f"the nearest that fits is {near}"
            if self.fit(replace(one, model=model))
            else "choose a smaller --width",
        )


def probed(probe: Mapping[str, Any], cores: int) -> Here:
    """Return the machine that a probe measured; a GPU's memory is not among what it tells."""
    is_processor = probe.get("device", "cpu") == "cpu"
    memory = int(probe.get("memory_bytes", 0)) if is_processor else 0
    return Here(from_probe(probe), cores, power_of(probe, cores), memory, str(probe.get("precision", "bf16")))


def guessed(machine: Machine) -> Here:
    """Return a machine that nothing is measured of yet."""
    throughput = estimated(machine.cores, machine.has_bf16)
    precision = "bf16" if machine.has_bf16 else "fp32"
    return Here(throughput, machine.cores, power_of(None, machine.cores), machine.memory_bytes, precision)
