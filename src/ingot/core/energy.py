"""Energy a process tree uses, in joules, always with the word that says how it was found.

Measured: the processor's own counters (Linux powercap, `intel-rapl`, which AMD fills too) for the whole package, and
where there are GPUs theirs (core/gpu_energy.py), of all GPUs this process may use.
Estimated, where the processor does not count: CPU-seconds of this process and its children times watts per core, plus
memory held times watts per GiB. The estimate's constants are round figures for servers and laptops of the 2020s; read
it as correct to about a factor of 1.5, good for comparing runs and honest about its own kind.
Not measured: there is a GPU and nobody to ask. Then the figure is None, never 0.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ingot.core.gpu_energy import gpu_joules
from ingot.core.hardware import has_gpu

POWERCAP = Path("/sys/class/powercap")
WATTS_PER_BUSY_CORE = 8.0
WATTS_PER_GIB = 0.375
MEASURED, PARTLY, ESTIMATED, NOT_MEASURED = "measured", "partly estimated", "estimated", "not measured"


@dataclass(frozen=True)
class Energy:
    """Joules, or None where nobody can tell, and how they were found: `measured`, `estimated`, ..."""

    joules: float | None
    method: str

    @property
    def watt_hours(self) -> float | None:
        """The same in watt-hours."""
        return None if self.joules is None else self.joules / 3600


class Meter:
    """Counts energy from its creation on. Reading is cheap and can be repeated.

    `gpus` returns the joules that all GPUs have used so far, None when they cannot be read.
    """

    def __init__(
        self,
        resident_gib: float = 1.0,
        powercap: Path = POWERCAP,
        gpus: Callable[[], float | None] | None = None,
    ) -> None:
        self._packages = _readable_packages(powercap)
        self._resident_gib = resident_gib
        self._has_gpus = has_gpu() if gpus is None else True
        self._gpus = gpus or (gpu_joules if self._has_gpus else _none_used)
        self._start_time = time.monotonic()
        self._start_cpu_seconds = _cpu_seconds()
        self._start_microjoules = [_read_number(path / "energy_uj") for path in self._packages]
        self._start_gpus = self._gpus()

    def read(self) -> Energy:
        """Return the energy used since the meter was made."""
        now = self._gpus()
        if now is None or self._start_gpus is None:
            return Energy(None, NOT_MEASURED)
        on_gpus = now - self._start_gpus
        if self._packages:
            return Energy(self._measured() + on_gpus, MEASURED)
        cpu_joules = (_cpu_seconds() - self._start_cpu_seconds) * WATTS_PER_BUSY_CORE
        memory_joules = (time.monotonic() - self._start_time) * self._resident_gib * WATTS_PER_GIB
        return Energy(cpu_joules + memory_joules + on_gpus, PARTLY if self._has_gpus else ESTIMATED)

    def _measured(self) -> float:
        total = 0.0
        for path, start in zip(self._packages, self._start_microjoules, strict=True):
            used = _read_number(path / "energy_uj") - start
            # The counter wraps at the range the kernel states.
            total += used if used >= 0 else used + _read_number(path / "max_energy_range_uj")
        return total / 1e6


def sum_of(joules: Iterable[float | None]) -> float | None:
    """Return the sum of several energies; None when one of them was not measured.

    >>> sum_of([1.5, 2.0]), sum_of([1.5, None])
    (3.5, None)
    """
    known = list(joules)
    return None if None in known else sum(one for one in known if one is not None)


def _none_used() -> float:
    return 0.0


def _cpu_seconds() -> float:
    # `os.times` tells all of it at once, but in hundredths of a second, and takes longer the more threads there are.
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _readable_packages(powercap: Path) -> list[Path]:
    # `intel-rapl:0` is a package; `intel-rapl:0:1` is a part of it and would be counted twice.
    packages = sorted(path for path in powercap.glob("intel-rapl:*") if path.name.count(":") == 1)
    return [path for path in packages if os.access(path / "energy_uj", os.R_OK)]


def _read_number(path: Path) -> float:
    return float(path.read_text(encoding="ascii"))
