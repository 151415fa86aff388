from __future__ import annotations

from ingot.plan.memory import training_bytes
from ingot.plan.scaling import preset


def test_memory_covers_at_least_weights_gradients_and_moments() -> None:
    model = preset("512x8").model(16384, 512)
    assert training_bytes(model, 1, 1) > model.parameters * 16


def test_memory_grows_with_batch_and_length() -> None:
    model = preset("256x6").model(8192, 512)
    small, wide, long = (training_bytes(model, *shape) for shape in ((4, 512), (16, 512), (4, 2048)))
    assert small < wide < long


def test_a_demo_fits_a_small_laptop() -> None:
    assert training_bytes(preset("256x6").model(8192, 512), 4, 512) < 2e9
