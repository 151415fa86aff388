from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from ingot.core.errors import InputError
from ingot.core.hardware import Machine
from ingot.plan.config import PlanConfig
from ingot.plan.preview import least_disk_bytes, least_tokens, preview
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


def test_the_smallest_number_of_tokens_is_the_one_the_plan_names() -> None:
    assert preview(12_000_000, PlanConfig(tokens=least_tokens()), None, LAPTOP)["tokens"] == least_tokens()
    with pytest.raises(InputError) as caught:
        preview(12_000_000, PlanConfig(tokens=least_tokens() - 1), None, LAPTOP)
    assert caught.value.fix.endswith(f"--tokens {least_tokens()}")


def test_without_a_plan_the_disk_is_that_of_the_smallest_model_that_may_be_chosen() -> None:
    assert least_disk_bytes(200, TEN_MINUTES) < 30_000_000
    assert least_disk_bytes(200, replace(TEN_MINUTES, width=1024, layers=12)) > 1_000_000_000
    planned = preview(12_000_000, TEN_MINUTES, None, LAPTOP)["disk_bytes"]
    assert 12_000_000 < least_disk_bytes(12_000_000, TEN_MINUTES) <= planned
