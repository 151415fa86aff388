from __future__ import annotations

from dataclasses import asdict

import pytest

from ingot.core.errors import InputError
from ingot.core.hardware import Machine
from ingot.plan.config import PlanConfig
from ingot.plan.preview import preview
from ingot.plan.scaling import preset

LAPTOP = Machine(4, 16 << 30, True, None, "some processor", "Linux x86_64")
TEN_MINUTES = PlanConfig(seconds=600)


def test_without_a_probe_the_plan_is_labelled_estimated() -> None:
    facts = preview(12_000_000, TEN_MINUTES, None, LAPTOP)
    assert facts["throughput"] == "estimated"
    assert facts["steps"] > 100
    assert facts["disk_bytes"] > 12_000_000


def test_an_earlier_probe_is_used() -> None:
    size = {"model": asdict(preset("128x4").model(4096, 512)), "tokens_per_second": 14_000.0}
    assert preview(12_000_000, TEN_MINUTES, {"sizes": [size]}, LAPTOP)["throughput"] == "measured"


def test_nothing_to_read_is_refused_before_anything_is_spent() -> None:
    with pytest.raises(InputError, match="too little text"):
        preview(200, TEN_MINUTES, None, LAPTOP)
