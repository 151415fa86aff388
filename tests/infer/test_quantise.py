from __future__ import annotations

import gguf
import numpy as np
import pytest

from ingot.infer.quantise import as_q4_k, as_q8_0

Q4_K, Q8_0 = gguf.GGMLQuantizationType.Q4_K, gguf.GGMLQuantizationType.Q8_0


def weights(rows: int = 96, width: int = 512) -> np.ndarray:
    drawn = np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32) * 0.02
    drawn[0], drawn[1], drawn[2] = 0, 0.5, np.abs(drawn[2])
    drawn[3, 7] = 40.0  # one large weight in a block of small ones
    drawn[4] = -np.abs(drawn[4])
    return drawn


def back(packed: np.ndarray, kind: gguf.GGMLQuantizationType) -> np.ndarray:
    values: np.ndarray = gguf.quants.dequantize(packed, kind)
    return values


def plain_four_bits(values: np.ndarray) -> np.ndarray:
    """Return what sixteen even steps between the smallest and the largest of each 32 weights make of them."""
    parts = values.reshape(-1, 32)
    low, high = np.minimum(parts.min(1, keepdims=True), 0), parts.max(1, keepdims=True)
    step = np.where(high > low, (high - low) / 15, 1)
    return (np.rint((parts - low) / step) * step + low).reshape(values.shape)


def loss(values: np.ndarray, others: np.ndarray) -> float:
    """Return the squared error, large weights counting more, as the format weighs it."""
    parts, apart = values.reshape(-1, 32), (values - others).reshape(-1, 32)
    weigh = np.sqrt((parts**2).mean(1, keepdims=True)) + np.abs(parts)
    return float((weigh * apart**2).sum())


def test_q8_0_is_what_the_gguf_package_writes() -> None:
    assert np.array_equal(as_q8_0(weights()), gguf.quants.quantize(weights(), Q8_0))


def test_q4_k_comes_back_as_near_as_four_bits_allow() -> None:
    values = weights()
    read = back(as_q4_k(values), Q4_K)
    usual = slice(5, None)
    spread = float(np.sqrt((values[usual] ** 2).mean()))
    assert float(np.sqrt(((values - read)[usual] ** 2).mean())) < 0.08 * spread
    assert np.abs(values - read)[usual].max() < 0.5 * spread
    assert np.array_equal(read[0], np.zeros(values.shape[1]))
    assert np.abs(read[1] - 0.5).max() < 1e-3


def test_q4_k_loses_less_than_even_steps() -> None:
    values = weights()[5:]
    assert loss(values, back(as_q4_k(values), Q4_K)) < 0.9 * loss(values, plain_four_bits(values))


def test_signs_and_large_weights_survive() -> None:
    values = weights()
    read = back(as_q4_k(values), Q4_K)
    assert read[2].min() > -5e-3
    assert read[4].max() < 5e-3
    assert read[3, 7] == pytest.approx(40.0, rel=0.01)


def test_rows_do_not_change_one_another() -> None:
    values = weights(600, 256)  # more than are worked on at once
    whole = as_q4_k(values)
    assert whole.shape == (600, 144)
    assert np.array_equal(whole[300:310], as_q4_k(values[300:310]))


def test_a_row_that_does_not_divide_is_a_bug_of_the_caller() -> None:
    with pytest.raises(AssertionError, match="blocks of 256"):
        as_q4_k(np.zeros((2, 128), dtype=np.float32))
