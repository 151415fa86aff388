from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.errors import InputError
from ingot.model.presets import preset
from ingot.plan.dividing import USABLE, divide, first_division
from ingot.plan.memory import Work
from ingot.plan.parallel import ParallelPlan

SEVEN = preset("mistral-7b-v0.3").model
WORK = Work(256, 2048, is_gpu=True)
H100 = 80e9


def test_what_fits_on_each_device_is_copied_and_not_cut() -> None:
    found = divide(preset("100m").model, WORK, 8, 8, H100)
    assert found.plan == ParallelPlan(data=8)


def test_weights_are_cut_into_no_more_parts_than_it_takes() -> None:
    found = divide(SEVEN, WORK, 8, 8, H100)
    assert found.plan == ParallelPlan(data=2, shard=4)
    assert found.memory.peak <= H100 * USABLE
    fewer = ParallelPlan(data=4, shard=2)
    assert first_division(SEVEN, WORK, 8, 8, H100, fewer) is None


def test_a_large_mixture_is_laid_out_on_a_thousand_and_four_thousand_devices() -> None:
    model = preset("400b-a32b").model
    for machines in (128, 512):
        found = divide(model, Work(4096, 8192, is_gpu=True), machines * 8, 8, H100)
        found.plan.check(model, found.work.batch_size, 8192)
        assert found.plan.processes == machines * 8
        assert found.plan.expert == 128
        assert found.work.is_recomputed


def test_rows_are_added_so_that_they_go_round() -> None:
    found = divide(preset("100m").model, replace(WORK, batch_size=3), 8, 8, H100)
    assert found.work.batch_size == 8


def test_what_does_not_fit_is_refused_with_the_nearest_number_that_does() -> None:
    with pytest.raises(InputError, match="does not fit on 1 device of 24 GB") as caught:
        divide(SEVEN, WORK, 1, 1, 24e9)
    count = int(caught.value.fix.split("that fits is ")[1].split(";")[0])
    assert first_division(SEVEN, WORK, count, 8, 24e9) is not None
    assert first_division(SEVEN, WORK, count // 2, 8, 24e9) is None


def test_a_division_that_was_given_is_kept_or_refused() -> None:
    given = ParallelPlan(shard=4, tensor=2)
    assert divide(SEVEN, WORK, 8, 8, H100, given).plan == given
    with pytest.raises(InputError) as caught:
        divide(SEVEN, WORK, 8, 8, H100, ParallelPlan(data=8))
    assert "leave --parallel out" in caught.value.fix


def test_rows_that_do_not_fit_one_device_are_cut_among_several() -> None:
    found = divide(SEVEN, replace(WORK, batch_size=8, sequence_length=131_072), 8, 8, H100)
    assert found.plan.context > 1
    found.plan.check(SEVEN, found.work.batch_size, 131_072)
