from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from ingot.core.errors import InputError
from ingot.core.hardware import Machine
from ingot.plan.budget import choose
from ingot.plan.config import PlanConfig
from ingot.plan.here import guessed, probed
from ingot.plan.scaling import preset

LAPTOP = Machine(4, 16 << 30, True, None, "some processor", "Linux x86_64")
MUCH_TEXT = PlanConfig(train_bytes=10**12, held_out_bytes=10**6, tokens=10**11)


def test_a_probe_tells_memory_watts_and_precision() -> None:
    size = {"model": asdict(preset("128x4").model(4096, 512)), "tokens_per_second": 14_000.0, "watts": 15.0}
    found = probed({"sizes": [size], "memory_bytes": 5, "precision": "fp32", "device": "cpu"}, 2)
    assert (found.memory_bytes, found.precision, found.power.watts) == (5, "fp32", 15.0)
    # The memory a probe tells of is the processor's.
    assert probed({"sizes": [size], "memory_bytes": 5, "device": "cuda"}, 2).memory_bytes == 0


def test_the_model_chosen_fits_into_memory() -> None:
    large, small = guessed(replace(LAPTOP, memory_bytes=1 << 42)), guessed(LAPTOP)
    one = choose(MUCH_TEXT, large.throughput, 4, large)
    other = choose(MUCH_TEXT, small.throughput, 4, small)
    assert other.model.parameters < one.model.parameters
    assert small.memory(other).peak < LAPTOP.memory_bytes


def test_a_batch_that_does_not_fit_is_read_in_pieces() -> None:
    here = guessed(replace(LAPTOP, memory_bytes=8 << 30))
    asked = PlanConfig(train_bytes=10**9, held_out_bytes=10**6, steps=100, width=512, layers=8)
    chosen = choose(replace(asked, batch_size=64, sequence_length=1024), here.throughput, 4, here)
    assert chosen.schedule.accumulate > 1
    assert chosen.schedule.batch_size % chosen.schedule.accumulate == 0
    assert here.memory(chosen).peak < 8 << 30


def test_a_size_that_cannot_fit_is_refused_with_the_nearest_that_does() -> None:
    here = guessed(replace(LAPTOP, memory_bytes=2 << 30))
    asked = PlanConfig(train_bytes=10**8, held_out_bytes=10**6, steps=100, width=512, layers=40, vocabulary=4096)
    with pytest.raises(InputError, match="does not fit") as caught:
        choose(asked, here.throughput, 4, here)
    layers = int(caught.value.fix.split("--layers ")[1].split(",")[0])
    assert choose(replace(asked, layers=layers), here.throughput, 4, here).model.layers == layers
