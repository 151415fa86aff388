from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.energy import Energy, Meter


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
