from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.model.config import ModelConfig
from ingot.plan.scaling import preset
from ingot.plan.throughput import Measurement, Throughput, estimated, from_probe, update_operations

MEASURED = Throughput((Measurement(1e7, 16_000.0), Measurement(4e7, 8_000.0)), is_measured=True)


def size(name: str, tokens_per_second: float) -> dict[str, Any]:
    return {
        "preset": name,
        "model": asdict(preset(name).model(4096, 512)),
        "sequence_length": 512,
        "tokens_per_second": tokens_per_second,
    }


def test_measured_sizes_are_given_back() -> None:
    assert MEASURED.tokens_per_second(1e7) == pytest.approx(16_000)
    assert MEASURED.tokens_per_second(4e7) == pytest.approx(8_000)


def test_between_two_sizes_the_rate_is_interpolated_in_logarithms() -> None:
    # Twice the work is half of the way from 1e7 to 4e7, and so is the rate: the square root of 16000 x 8000.
    assert MEASURED.tokens_per_second(2e7) == pytest.approx((16_000 * 8_000) ** 0.5)


def test_below_the_smallest_size_the_trend_goes_on() -> None:
    assert MEASURED.tokens_per_second(0.25e7) == pytest.approx(32_000)


def test_beyond_the_largest_size_time_is_in_proportion_to_work() -> None:
    assert MEASURED.tokens_per_second(8e7) == pytest.approx(4_000)


def test_the_probe_is_read_in_any_order() -> None:
    sizes = [size("256x6", 5_000.0), size("128x4", 14_000.0)]
    throughput = from_probe({"sizes": sizes})
    assert throughput.is_measured
    assert throughput.of_model(preset("128x4").model(4096, 512)) == pytest.approx(14_000)
    assert throughput.of_model(preset("256x6").model(4096, 512)) == pytest.approx(5_000)


def test_larger_steps_share_one_update_among_more_tokens() -> None:
    throughput = from_probe({"sizes": [size("256x6", 5_000.0), size("128x4", 14_000.0)]})
    model = preset("256x6").model(4096, 512)
    rates = [throughput.of_model(model, tokens) for tokens in (1024, 2048, 8192, 1 << 20)]
    assert rates == sorted(rates)
    assert rates[0] < 0.9 * rates[-1]


def test_an_update_counts_the_products_of_muon() -> None:
    model = ModelConfig(512, width=64, layers=1, heads=1, kv_heads=1, head_width=64, ffn_width=128)
    square, tall = 4 * 64**3 + 2 * 64**3, 4 * 64 * 64 * 128 + 2 * 64**3
    assert update_operations(model) == 5 * (4 * square + 3 * tall) + 200 * model.parameters


def test_a_probed_model_gets_its_own_rate() -> None:
    throughput = from_probe({"sizes": [size("256x6", 5_000.0), size("128x4", 14_000.0)]})
    for context in (128, 2048):
        assert throughput.of_model(preset("128x4").model(4096, context)) == pytest.approx(14_000)


def test_noise_cannot_make_a_larger_model_look_faster() -> None:
    throughput = from_probe({"sizes": [size("128x4", 10_000.0), size("256x6", 11_000.0)]})
    costs = [preset(name).model(4096, 512).flops_per_token(512) for name in ("128x4", "192x4", "256x6", "384x8")]
    rates = [throughput.tokens_per_second(cost) for cost in costs]
    assert rates == sorted(rates, reverse=True)


def test_a_single_measurement_is_enough() -> None:
    throughput = from_probe({"sizes": [size("128x4", 10_000.0)]})
    assert throughput.tokens_per_second(1.0) == pytest.approx(10_000)


def test_a_probe_that_measured_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="measured no throughput"):
        from_probe({"sizes": []})


def test_an_estimate_says_that_it_is_one_and_grows_with_the_cores() -> None:
    few, many = estimated(2, has_bf16=True), estimated(16, has_bf16=True)
    assert not few.is_measured
    assert many.tokens_per_second(1e8) == pytest.approx(8 * few.tokens_per_second(1e8))
    assert few.tokens_per_second(1e3) < 1e5
