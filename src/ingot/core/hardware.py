"""What this machine is, told without torch.

Only facts that are cheap and safe to read: cores this process may use, memory, whether the processor multiplies bf16
in hardware, and whether an accelerator's driver is present. What the machine can *do* is measured by a step, not here.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from ingot.core.memory_limit import memory_limit

# How many compiled kernels torch and oneDNN keep on a processor; by default 1,024 each. A training meets some 50 sizes
# of products, with a mixture of experts some 150, and to make a kernel anew takes a millisecond.
KERNELS_KEPT = {"LRU_CACHE_CAPACITY": "256", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256"}
# How the allocator of Linux (glibc from 2.35 on) takes memory: in huge pages, and it keeps what tensors of the next
# step will need. Otherwise a tensor's memory is given back and comes anew, 4 kB at a time: a tenth of a step.
_ALLOCATOR = {"hugetlb": 1, "mmap_threshold": 32 << 20, "trim_threshold": 256 << 20}
MEMORY_KEPT = {"GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in _ALLOCATOR.items())}
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


@dataclass(frozen=True)
class Machine:
    """Cores and bytes of memory usable by this process, hardware bf16, accelerator name or None."""

    cores: int
    memory_bytes: int
    has_bf16: bool
    accelerator: str | None
    processor: str
    platform: str


def machine() -> Machine:
    """Describe the machine this process runs on."""
    processor, flags = _processor()
    return Machine(
        cores=usable_cores(),
        memory_bytes=memory_bytes(),
        has_bf16=bool(_BF16_FLAGS & flags),
        accelerator=_accelerator(),
        processor=processor,
        platform=f"{platform.system()} {platform.machine()}",
    )


def usable_cores() -> int:
    """Return the number of cores this process may run on (affinity included, where the system tells)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_gpu() -> bool:
    """Say whether there is a GPU that training would use."""
    return _accelerator() in ("nvidia", "amd")


def memory_bytes() -> int:
    """Return the memory in bytes that this process may use: the machine's, or less in a container and the like."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = memory_limit()
    return physical if limit is None else min(limit, physical)


def _processor() -> tuple[str, frozenset[str]]:
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor() or platform.machine(), frozenset()
    name, flags = "", ""
    for line in information.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = name or value.strip()
        if key.strip() in ("flags", "Features"):
            flags = flags or value
    return name or platform.machine(), frozenset(flags.split())


def _accelerator() -> str | None:
    if Path("/proc/driver/nvidia/version").exists():
        return "nvidia"
    if Path("/dev/kfd").exists():
        return "amd"
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        return "apple"
    return None
