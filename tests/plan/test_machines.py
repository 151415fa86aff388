from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.model.presets import preset
from ingot.plan.machines import DEVICES, precision_of, read_machines


@pytest.mark.parametrize(
    ("text", "count", "per_machine", "name"),
    [
        ("h100", 1, 1, "h100"),
        ("8xH100", 8, 8, "8xh100"),
        ("4x8xh100", 32, 8, "4x8xh100"),
        ("2x1xa100-40gb", 2, 1, "2xa100-40gb"),
    ],
)
def test_machines_are_read(text: str, count: int, per_machine: int, name: str) -> None:
    found = read_machines(text)
    assert (found.count, found.per_machine, found.name) == (count, per_machine, name)


@pytest.mark.parametrize(
    ("text", "fix"),
    [("h1000", "'h100'"), ("8*h100", "8xh100"), ("0xh100", "choose 1 to"), ("99999x8xh100", "choose 1 to"), ("", "8x")],
)
def test_what_is_no_machine_names_the_nearest(text: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_machines(text)
    assert fix in caught.value.fix


def test_a_gpu_without_bf16_trains_in_fp32_and_the_nearest_with_it_is_named() -> None:
    old = read_machines("t4")
    assert precision_of(old, "auto") == "fp32"
    with pytest.raises(UsageError, match="does not multiply bf16") as caught:
        precision_of(old, "bf16")
    assert "l4" in caught.value.fix
    assert precision_of(read_machines("l4"), "bf16") == precision_of(read_machines("l4"), "auto") == "bf16"


def test_more_devices_are_faster_and_machines_apart_lose_some() -> None:
    model = preset("1b").model
    one, eight, far = (
        read_machines(text).throughput("bf16").of_model(model) for text in ("h100", "8xh100", "8x1xh100")
    )
    assert eight == pytest.approx(8 * one)
    assert 4 * one < far < eight


def test_a_mixture_gets_less_of_the_peak() -> None:
    machines, mixture = read_machines("8xh100"), preset("mixtral-8x7b-v0.1").model
    assert machines.throughput("bf16", mixture).of_model(mixture) < machines.throughput("bf16").of_model(mixture)


def test_figures_are_plausible() -> None:
    for device in DEVICES.values():
        assert device.fp32 > 0
        assert device.memory_bytes >= 16e9
        assert device.fp8 == 0 or device.fp8 > 1.9 * device.bf16
