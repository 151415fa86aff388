"""Energy a process tree uses, in joules, always with the word `measured` or `estimated` beside it.

Measured: the processor's own counters (Linux powercap, `intel-rapl`, which AMD fills too) for the whole package.
Estimated, where there are none: CPU-seconds of this process and its children times watts per core, plus memory held
times watts per GiB. The estimate's constants are round figures for servers and laptops of the 2020s; read it as
correct to about a factor of 1.5, good for comparing runs and honest about its own kind.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
WATTS_PER_BUSY_CORE = 8.0
WATTS_PER_GIB = 0.375


@dataclass(frozen=True)
class Energy:
    """Joules and how they were found: `measured` or `estimated`."""

    joules: float
    method: str

    @property
    def watt_hours(self) -> float:
        """The same in watt-hours."""
        return self.joules / 3600


class Meter:
    """Counts energy from its creation on. Reading is cheap and can be repeated."""

    def __init__(self, resident_gib: float = 1.0, powercap: Path = POWERCAP) -> None:
        self._packages = _readable_packages(powercap)
        self._resident_gib = resident_gib
        self._start_time = time.monotonic()
        self._start_cpu_seconds = _cpu_seconds()
        self._start_microjoules = [_read_number(path / "energy_uj") for path in self._packages]

    def read(self) -> Energy:
        """Return the energy used since the meter was made."""
        if self._packages:
            return Energy(self._measured(), "measured")
        cpu_joules = (_cpu_seconds() - self._start_cpu_seconds) * WATTS_PER_BUSY_CORE
        memory_joules = (time.monotonic() - self._start_time) * self._resident_gib * WATTS_PER_GIB
        return Energy(cpu_joules + memory_joules, "estimated")

    def _measured(self) -> float:
        total = 0.0
        for path, start in zip(self._packages, self._start_microjoules, strict=True):
            used = _read_number(path / "energy_uj") - start
            # The counter wraps at the range the kernel states.
            total += used if used >= 0 else used + _read_number(path / "max_energy_range_uj")
        return total / 1e6


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _readable_packages(powercap: Path) -> list[Path]:
    # `intel-rapl:0` is a package; `intel-rapl:0:1` is a part of it and would be counted twice.
    packages = sorted(path for path in powercap.glob("intel-rapl:*") if path.name.count(":") == 1)
    return [path for path in packages if os.access(path / "energy_uj", os.R_OK)]


def _read_number(path: Path) -> float:
    return float(path.read_text(encoding="ascii"))
