from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.energy import Energy, Meter, sum_of


def fake_counter(folder: Path, name: str, microjoules: int) -> Path:
    package = folder / name
    package.mkdir(parents=True, exist_ok=True)
    (package / "energy_uj").write_text(str(microjoules))
    (package / "max_energy_range_uj").write_text("1000000000")
    return package


def test_measures_where_the_processor_counts(tmp_path: Path) -> None:
    fake_counter(tmp_path, "intel-rapl:0", 5_000_000)
    fake_counter(tmp_path, "intel-rapl:0:1", 0)
    meter = Meter(powercap=tmp_path)
    fake_counter(tmp_path, "intel-rapl:0", 8_000_000)
    fake_counter(tmp_path, "intel-rapl:0:1", 9_000_000)  # a part of the package, not counted twice
    assert meter.read() == Energy(3.0, "measured")


def test_a_counter_that_wrapped_is_unwrapped(tmp_path: Path) -> None:
    fake_counter(tmp_path, "intel-rapl:0", 999_000_000)
    meter = Meter(powercap=tmp_path)
    fake_counter(tmp_path, "intel-rapl:0", 1_000_000)
    assert meter.read().joules == pytest.approx(2.0)


def test_estimates_where_nothing_counts(tmp_path: Path) -> None:
    meter = Meter(powercap=tmp_path)
    sum(i * i for i in range(300_000))
    energy = meter.read()
    assert energy.method == "estimated"
    assert energy.joules > 0
    assert energy.watt_hours == energy.joules / 3600


def test_gpus_are_counted_with_the_processor(tmp_path: Path) -> None:
    fake_counter(tmp_path, "intel-rapl:0", 5_000_000)
    used = iter((100.0, 142.0))
    meter = Meter(powercap=tmp_path, gpus=lambda: next(used))
    assert meter.read() == Energy(42.0, "measured")


def test_a_processor_that_does_not_count_beside_gpus_that_do_is_said(tmp_path: Path) -> None:
    used = iter((100.0, 142.0))
    energy = Meter(powercap=tmp_path, gpus=lambda: next(used)).read()
    assert energy.method == "partly estimated"
    assert energy.joules is not None
    assert energy.joules >= 42.0


def test_gpus_that_cannot_be_read_leave_nothing_to_tell_and_not_zero(tmp_path: Path) -> None:
    fake_counter(tmp_path, "intel-rapl:0", 5_000_000)
    energy = Meter(powercap=tmp_path, gpus=lambda: None).read()
    assert energy == Energy(None, "not measured")
    assert energy.watt_hours is None


def test_a_sum_with_something_unknown_is_unknown() -> None:
    assert sum_of([1.0, 2.5]) == 3.5
    assert sum_of([1.0, None]) is None
    assert sum_of([]) == 0
