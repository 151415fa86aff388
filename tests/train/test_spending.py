from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ingot.core.allowance import Allowance
from ingot.core.energy import Meter
from ingot.core.errors import KilledError, StepError, UsageError
from ingot.flow.artifact import Artifact
from ingot.train.journal import read_curve
from ingot.train.run import CURVE, pretrain
from ingot.train.spending import Spending
from tests.train.small import Told, context, settings

HOUR = 3600.0


def metered(folder: Path, joules: float) -> Meter:
    """Return a meter of a processor that has used so many joules since."""
    package = folder / "intel-rapl:0"
    package.mkdir(parents=True, exist_ok=True)
    (package / "max_energy_range_uj").write_text("1000000000000")
    (package / "energy_uj").write_text("0")
    meter = Meter(powercap=folder, gpus=lambda: 0.0)
    (package / "energy_uj").write_text(str(int(joules * 1e6)))
    return meter


def is_over(allowance: Allowance, meter: Meter, processes: int = 1) -> bool:
    return Spending(allowance, processes, meter).is_over()


@pytest.mark.parametrize(
    ("allowance", "over"),
    [
        (Allowance(), False),
        (Allowance(joules=101.0), False),
        (Allowance(joules=100.0), True),
        (Allowance(joules=150.0, spent_joules=50.0), True),
        (Allowance(seconds=HOUR), False),
        (Allowance(seconds=HOUR, spent_seconds=HOUR), True),
        (Allowance(money=2.0, per_hour=1.0, spent_seconds=2 * HOUR), True),
        (Allowance(money=2.0, per_hour=1.0, spent_seconds=HOUR), False),
        (Allowance(money=1.0, per_kwh=36_000.0), True),
        (Allowance(money=1.1, per_kwh=36_000.0), False),
    ],
)
def test_a_limit_counts_all_attempts(tmp_path: Path, allowance: Allowance, over: bool) -> None:
    assert is_over(allowance, metered(tmp_path, 100.0)) is over


def test_processes_share_what_is_allowed(tmp_path: Path) -> None:
    assert not is_over(Allowance(joules=201.0), metered(tmp_path / "one", 100.0), 2)
    assert is_over(Allowance(joules=200.0), metered(tmp_path / "two", 100.0), 2)


def test_a_limit_nobody_can_keep_is_refused() -> None:
    blind = Meter(gpus=lambda: None)
    for allowance in (Allowance(joules=5.0), Allowance(money=1.0, per_kwh=0.3)):
        with pytest.raises(UsageError, match="not measured"):
            Spending(allowance, 1, blind)
    assert Spending(Allowance(seconds=5.0), 1, blind).joules() is None


def test_at_its_limit_a_training_saves_and_says_how_to_go_on(inputs: Mapping[str, Artifact], tmp_path: Path) -> None:
    config = settings(steps=12, checkpoint_every=0, evaluate_every=0)
    unbroken = pretrain(config, inputs, context(tmp_path / "unbroken"))
    spent = Allowance(seconds=HOUR, spent_seconds=HOUR)
    with pytest.raises(StepError, match=r"reached its limit \(60 min\)") as caught:
        pretrain(config, inputs, replace(context(tmp_path / "limited"), allowance=spent))
    assert not isinstance(caught.value, KilledError)  # which would be tried again
    assert "higher --stop-at" in caught.value.fix
    assert "spent" in caught.value.why
    assert "left take about" in caught.value.why
    again = pretrain(config, inputs, context(tmp_path / "limited"))
    assert again["final_loss"] == unbroken["final_loss"]
    curves = [(tmp_path / name / CURVE).read_bytes() for name in ("unbroken", "limited")]
    assert curves[0] == curves[1]


def test_tokens_per_joule_are_told_with_their_kind(inputs: Mapping[str, Artifact], tmp_path: Path) -> None:
    told = Told()
    pretrain(settings(steps=3), inputs, context(tmp_path / "told", told))
    last = told.of("metric")[-1]
    assert last["energy"] in ("estimated", "measured")
    assert last["tokens_per_joule"] is None or last["tokens_per_joule"] > 0
    assert "energy" not in read_curve(tmp_path / "told" / CURVE)[-1]
