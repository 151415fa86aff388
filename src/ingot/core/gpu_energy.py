"""What GPUs have used, read from their own counters through Zeus (You et al., 2023): NVML for NVIDIA, AMD SMI for AMD.

The counters run from the driver's start on, so a difference of two readings is what was used in between. Zeus counts
the GPUs that this process may use (`CUDA_VISIBLE_DEVICES`). Written against Zeus's published interface; it was never
run on a GPU.
"""

from __future__ import annotations

import functools
from typing import Any


def gpu_joules() -> float | None:
    """Return the joules that all GPUs have used since their driver started; None when they cannot be read."""
    gpus = _gpus()
    if gpus is None:
        return None
    return sum(float(gpus.get_total_energy_consumption(number)) for number in range(len(gpus))) / 1000


@functools.cache
def _gpus() -> Any:
    """Return Zeus's GPUs; None without Zeus, a driver, or counters in all of them (they came with Volta, 2017)."""
    try:
        from zeus.device import get_gpus

        gpus = get_gpus()
        counts = all(gpus.supports_get_total_energy_consumption(number) for number in range(len(gpus)))
    except Exception:
        # Zeus has an exception for each way in which a driver can be absent; none is a reason not to train.
        return None
    return gpus if counts and len(gpus) else None
