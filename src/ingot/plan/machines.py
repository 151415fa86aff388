"""What other machines can do: published figures of GPUs, never measured here.

Operations are those of dense matrices with sums in fp32, as the makers' data sheets give them (half of a figure given
"with sparsity"); memory, bandwidth and board power likewise. How much of the peak a training gets is a judgement from
reports of large trainings (Chowdhery et al., 2022, "PaLM", table 3; Grattafiori et al., 2024, "Llama 3", table 4), with
a wide band. The machine at hand is measured instead (train/probe.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingot.core.errors import UsageError, suggest
from ingot.model.config import ModelConfig
from ingot.plan.throughput import Measurement, Throughput

LARGEST_COUNT = 65_536
# Of the peak, for a dense model and for a mixture of experts; and how far off that may be, as a factor.
DENSE_SHARE, MIXTURE_SHARE, SHARE_BAND = 0.40, 0.25, 1.5
# What talking between machines leaves of it.
ACROSS_MACHINES = 0.9
# A token takes this long at least on a device, however small the model: kernels have to be started.
SMALLEST_SECONDS_PER_TOKEN = 1e-6
# Of the board power while training, and what processors, memory and fans add to it.
LOAD, HOST = 0.85, 1.25


@dataclass(frozen=True)
class Device:
    """A GPU's published figures: operations per second (0: not in hardware), bytes, bytes per second, watts."""

    name: str
    bf16: float
    fp8: float
    fp32: float
    memory_bytes: float
    bandwidth: float
    watts: float


_T, _G = 1e12, 1e9
# bf16, fp8, fp32 in T operations/s, memory in GB, GB/s, watts. Sources: the makers' data sheets of each card.
_FIGURES = {
    "b200": (2250, 4500, 75, 180, 7700, 1000),
    "h200": (989, 1979, 67, 141, 4800, 700),
    "h100": (989, 1979, 67, 80, 3350, 700),
    "h100-pcie": (756, 1513, 51, 80, 2000, 350),
    "a100": (312, 0, 19.5, 80, 2039, 400),
    "a100-40gb": (312, 0, 19.5, 40, 1555, 400),
    "l40s": (362, 733, 91.6, 48, 864, 350),
    "l4": (60.5, 121, 30.3, 24, 300, 72),
    "a10": (125, 0, 31.2, 24, 600, 150),
    "rtx5090": (209.5, 419, 104.8, 32, 1792, 575),
    "rtx4090": (165.2, 330.3, 82.6, 24, 1008, 450),
    "rtx3090": (71, 0, 35.6, 24, 936, 350),
    "mi300x": (1307, 2615, 163.4, 192, 5300, 750),
    "mi325x": (1307, 2615, 163.4, 256, 6000, 1000),
    "v100": (0, 0, 15.7, 32, 900, 300),
    "t4": (0, 0, 8.1, 16, 320, 70),
}
DEVICES = {
    name: Device(name, bf16 * _T, fp8 * _T, fp32 * _T, memory * _G, bandwidth * _G, watts)
    for name, (bf16, fp8, fp32, memory, bandwidth, watts) in _FIGURES.items()
}


@dataclass(frozen=True)
class Machines:
    """So many devices of one kind, `per_machine` of them in each machine."""

    device: Device
    count: int
    per_machine: int = 8

    @property
    def name(self) -> str:
        """As it is typed, such as "2x8xh100"."""
        machines = self.count // self.per_machine
        inside = f"{self.per_machine}x{self.device.name}" if self.per_machine > 1 else self.device.name
        return f"{machines}x{inside}" if machines > 1 else inside

    @property
    def watts(self) -> float:
        """What all of it takes while it trains, hosts included."""
        return self.count * self.device.watts * LOAD * HOST

    def speed(self, precision: str, has_experts: bool) -> float:
        """Return the operations per second that a training gets of all devices."""
        peak = self.device.bf16 if precision == "bf16" else self.device.fp32
        share = MIXTURE_SHARE if has_experts else DENSE_SHARE
        return self.count * peak * share * (ACROSS_MACHINES if self.count > self.per_machine else 1.0)

    def throughput(self, precision: str, model: ModelConfig | None = None) -> Throughput:
        """Return the tokens per second to expect, by a model's operations per token."""
        speed = self.speed(precision, has_experts=model is not None and model.experts > 0)
        cheapest = speed * SMALLEST_SECONDS_PER_TOKEN / self.count
        return Throughput((Measurement(cheapest, speed / cheapest),), is_measured=False)


def read_machines(text: str) -> Machines:
    """Return the machines that `h100`, `8xh100` or `4x8xh100` (machines x GPUs in each) names.

    >>> read_machines("4x8xh100").count
    32
    """
    match = re.fullmatch(r"(?:(\d+)x)?(?:(\d+)x)?([a-z][a-z0-9-]*)", text.strip().lower().replace(" ", ""))
    if match is None:
        raise _refused(f"{text!r} names no machines", "write it like 8xh100, or 4x8xh100 for four machines of eight")
    numbers = [int(number) for number in match.groups()[:2] if number]
    if match[3] not in DEVICES:
        fix = suggest(match[3], DEVICES)
        raise _refused(f"there are no figures for a GPU called {match[3]!r}", f"{fix}; `this` is the machine at hand")
    machines, per_machine = (numbers[0], numbers[1]) if len(numbers) == 2 else (1, numbers[0] if numbers else 1)
    if not 1 <= machines * per_machine <= LARGEST_COUNT:
        raise _refused(f"{machines * per_machine} GPUs cannot be planned for", f"choose 1 to {LARGEST_COUNT}")
    return Machines(DEVICES[match[3]], machines * per_machine, per_machine)


def precision_of(machines: Machines, wanted: str) -> str:
    """Return the precision to train with. Raises UsageError for bf16 on a GPU without it, naming the nearest."""
    device = machines.device
    if wanted == "auto":
        return "bf16" if device.bf16 else "fp32"
    if wanted == "bf16" and not device.bf16:
        able = [one for one in DEVICES.values() if one.bf16]
        near = min(
            able, key=lambda one: abs(one.memory_bytes - device.memory_bytes) + abs(one.watts - device.watts) * _G
        )
        raise UsageError(
            f"a {device.name} does not multiply bf16",
            where="--precision",
            why="it is older than that: in bf16 it would emulate, slower than in fp32",
            fix=f"leave --precision out (fp32, {device.fp32 / _T:g} instead of {near.bf16 / _T:g} T operations/s),"
            f" or plan for the nearest GPU that does: {near.name}",
        )
    return wanted


def _refused(what: str, fix: str) -> UsageError:
    return UsageError(what, where="--machines", fix=fix)
