from __future__ import annotations

import pytest

from ingot.core.gpu_energy import gpu_joules
from ingot.core.hardware import has_gpu


@pytest.mark.skipif(has_gpu(), reason="this machine has a GPU")
def test_without_a_gpu_there_is_nothing_to_read() -> None:
    assert gpu_joules() is None
