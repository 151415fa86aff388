from __future__ import annotations

import os

from ingot.core.hardware import machine


def test_describes_this_machine() -> None:
    here = machine()
    assert 1 <= here.cores <= (os.cpu_count() or 1)
    assert here.memory_bytes > 100_000_000
    assert here.processor
