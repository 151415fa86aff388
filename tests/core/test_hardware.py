from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingot.core.hardware import MEMORY_KEPT, machine

# "[madvise]" is how Linux says that it gives huge pages to who asks.
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
SAYS_WHETHER_IT_ASKED = """
held = bytearray(24 << 20)
mappings = open("/proc/self/smaps").read().split("VmFlags:")[1:]
print(any(" hg" in flags.splitlines()[0] for flags in mappings))
"""


def test_describes_this_machine() -> None:
    here = machine()
    assert 1 <= here.cores <= (os.cpu_count() or 1)
    assert here.memory_bytes > 100_000_000
    assert here.processor


def glibc() -> tuple[int, ...]:
    """Return its version, or nothing where there is another library."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, ValueError, OSError):  # another system
        return ()
    return tuple(map(int, version.split("."))) if name == "glibc" else ()


@pytest.mark.skipif(glibc() < (2, 35), reason="another allocator, or an older one")
@pytest.mark.skipif(not HUGE_PAGES.exists() or "[madvise]" not in HUGE_PAGES.read_text(), reason="not for who asks")
def test_a_process_that_keeps_its_memory_asks_for_huge_pages() -> None:
    plain = {name: value for name, value in os.environ.items() if name not in MEMORY_KEPT}
    said = [
        subprocess.run(
            [sys.executable, "-c", SAYS_WHETHER_IT_ASKED], env=env, check=True, capture_output=True, text=True
        )
        for env in (plain, {**plain, **MEMORY_KEPT})
    ]
    assert [(one.stdout.strip(), one.stderr) for one in said] == [("False", ""), ("True", "")]
