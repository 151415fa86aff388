"""Weights in eight and in four bits, as GGUF's types `q8_0` and `q4_K` hold them.

q8_0 divides a row into blocks of 32; each has one scale, and every weight is a multiple of it between -127 and 127.
q4_K divides a row into blocks of 256 with eight parts of 32. A weight is `scale * n - minimum`, n from 0 to 15; a
part's scale and minimum are themselves written in six bits, as multiples of two numbers of the block. Scale and minimum
of a part are those that lose least among twenty-two tries, large weights counting more.
Source: ggml-org/ggml, src/ggml-quants.c (quantize_row_q8_0_ref, quantize_row_q4_K_ref, make_qkx2_quants).

Shapes: B blocks of a chunk, P = 8 parts, L = 32 weights of a part.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]
Bytes = NDArray[np.uint8]

Q8_0_BLOCK, Q8_0_BYTES = 32, 34
Q4_K_BLOCK, Q4_K_BYTES = 256, 144
_PARTS, _PART = 8, 32
_MOST, _MOST_SCALE = 15, 63  # in four bits, in six
_TRIES = range(21)
_BLOCKS_AT_ONCE = 256  # a quarter of a megabyte a temporary array: they stay in the processor's cache


def as_q8_0(values: Values) -> Bytes:
    """Return a matrix [rows, n] as bytes [rows, n / 32 * 34]. n must be divisible by 32."""
    blocks = _blocks(values, Q8_0_BLOCK)
    scales = np.abs(blocks).max(axis=1, keepdims=True) / 127
    with np.errstate(divide="ignore"):
        inverse = np.where(scales == 0, 0, 1 / scales)
    numbers = _rounded(blocks * inverse).astype(np.int8)
    packed = np.concatenate([scales.astype(np.float16).view(np.uint8), numbers.view(np.uint8)], axis=1)
    return packed.reshape(len(values), -1)


def as_q4_k(values: Values) -> Bytes:
    """Return a matrix [rows, n] as bytes [rows, n / 256 * 144]. n must be divisible by 256."""
    blocks = _blocks(values, Q4_K_BLOCK)
    packed = np.concatenate([_q4_k_blocks(chunk) for chunk in _chunks(blocks)])
    return packed.reshape(len(values), -1)


def _blocks(values: Values, size: int) -> Values:
    assert values.shape[-1] % size == 0, f"rows of {values.shape[-1]} numbers do not divide into blocks of {size}"
    return np.ascontiguousarray(values, dtype=np.float32).reshape(-1, size)


def _chunks(blocks: Values) -> Iterator[Values]:
    for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
        yield blocks[start : start + _BLOCKS_AT_ONCE]


def _rounded(x: Values) -> Values:
    """Round to the nearest whole number, halves away from zero."""
    return np.trunc(x + np.copysign(np.float32(0.5), x))


def _q4_k_blocks(blocks: Values) -> Bytes:
    x_BPL = blocks.reshape(-1, _PARTS, _PART)
    scales_BP, minima_BP = _best_scales(x_BPL)
    scale_B, scale_number_BP = _in_six_bits(scales_BP)
    minimum_B, minimum_number_BP = _in_six_bits(minima_BP)
    # What a reader will compute from the rounded scales decides the numbers, not what was meant.
    step_BP = scale_B.astype(np.float32)[:, None] * scale_number_BP
    floor_BP = minimum_B.astype(np.float32)[:, None] * minimum_number_BP
    with np.errstate(divide="ignore", invalid="ignore"):
        numbers_BPL = np.rint((x_BPL + floor_BP[..., None]) / step_BP[..., None])
    numbers_BPL = np.where(step_BP[..., None] == 0, 0, numbers_BPL).clip(0, _MOST).astype(np.uint8)
    pairs_B2L = numbers_BPL.reshape(len(blocks), _PARTS // 2, 2, _PART)
    halves = pairs_B2L[:, :, 0] | (pairs_B2L[:, :, 1] << 4)
    return np.concatenate(
        [
            scale_B[:, None].view(np.uint8),
            minimum_B[:, None].view(np.uint8),
            _packed_scales(scale_number_BP, minimum_number_BP),
            halves.reshape(len(blocks), -1),
        ],
        axis=1,
    )


def _in_six_bits(values_BP: Values) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    """Return the unit of each block, and each part's multiple of it, between 0 and 63."""
    largest_B = values_BP.max(axis=1)
    with np.errstate(divide="ignore"):
        inverse_B = np.where(largest_B > 0, _MOST_SCALE / largest_B, 0).astype(np.float32)
    numbers_BP = np.rint(inverse_B[:, None] * values_BP).clip(0, _MOST_SCALE).astype(np.uint8)
    return (largest_B / _MOST_SCALE).astype(np.float16), numbers_BP


def _packed_scales(scales_BP: Bytes, minima_BP: Bytes) -> Bytes:
    """Return sixteen numbers of six bits in twelve bytes: eight whole, the rest in their free bits and after."""
    low_scales, high_scales = scales_BP[:, :4], scales_BP[:, 4:]
    low_minima, high_minima = minima_BP[:, :4], minima_BP[:, 4:]
    return np.concatenate(
        [
            low_scales | ((high_scales >> 4) << 6),
            low_minima | ((high_minima >> 4) << 6),
            (high_scales & 0x0F) | ((high_minima & 0x0F) << 4),
        ],
        axis=1,
    )


def _best_scales(x_BPL: Values) -> tuple[Values, Values]:
    """Return for each part the scale and the minimum (as a positive number) that lose least."""
    weights_BPL = np.sqrt(np.mean(x_BPL * x_BPL, axis=-1, keepdims=True)) + np.abs(x_BPL)
    smallest_BP = np.minimum(x_BPL.min(axis=-1), 0)
    largest_BP = x_BPL.max(axis=-1)
    range_BP = largest_BP - smallest_BP
    is_flat_BP = range_BP <= 0
    span_BP = np.where(is_flat_BP, 1, range_BP).astype(np.float32)
    sum_w_BP, sum_x_BP = weights_BPL.sum(axis=-1), (weights_BPL * x_BPL).sum(axis=-1)
    scale_BP: Values = span_BP / np.float32(_MOST)
    minimum_BP = smallest_BP
    numbers_BPL = _numbers(x_BPL, smallest_BP, np.float32(_MOST) / span_BP)
    best_BP = _loss(x_BPL, weights_BPL, numbers_BPL, scale_BP, minimum_BP)
    for number in _TRIES:
        numbers_BPL = _numbers(x_BPL, smallest_BP, (np.float32(-1.0 + 0.1 * number) + _MOST) / span_BP)
        weighed_BPL = weights_BPL * numbers_BPL
        sum_l_BP, sum_l2_BP = weighed_BPL.sum(axis=-1), (weighed_BPL * numbers_BPL).sum(axis=-1)
        sum_xl_BP = (weighed_BPL * x_BPL).sum(axis=-1)
        determinant_BP = sum_w_BP * sum_l2_BP - sum_l_BP * sum_l_BP
        with np.errstate(divide="ignore", invalid="ignore"):
            try_scale_BP = (sum_w_BP * sum_xl_BP - sum_x_BP * sum_l_BP) / determinant_BP
            try_minimum_BP = (sum_l2_BP * sum_x_BP - sum_l_BP * sum_xl_BP) / determinant_BP
            is_above_BP = try_minimum_BP > 0  # a minimum can only be subtracted
            try_scale_BP = np.where(is_above_BP, sum_xl_BP / sum_l2_BP, try_scale_BP)
            try_minimum_BP = np.where(is_above_BP, 0, try_minimum_BP)
            loss_BP = _loss(x_BPL, weights_BPL, numbers_BPL, try_scale_BP, try_minimum_BP)
            is_better_BP = (determinant_BP > 0) & (loss_BP < best_BP)
        scale_BP = np.where(is_better_BP, try_scale_BP, scale_BP)
        minimum_BP = np.where(is_better_BP, try_minimum_BP, minimum_BP)
        best_BP = np.where(is_better_BP, loss_BP, best_BP)
    return np.where(is_flat_BP, 0, scale_BP).astype(np.float32), -minimum_BP.astype(np.float32)


def _numbers(x_BPL: Values, smallest_BP: Values, inverse_BP: Values) -> Values:
    numbers_BPL: Values = np.rint(inverse_BP[..., None] * (x_BPL - smallest_BP[..., None]))
    return numbers_BPL.clip(0, _MOST)


def _loss(x_BPL: Values, weights_BPL: Values, numbers_BPL: Values, scale_BP: Values, minimum_BP: Values) -> Values:
    apart_BPL = scale_BP[..., None] * numbers_BPL + minimum_BP[..., None] - x_BPL
    loss_BP: Values = (weights_BPL * apart_BPL * apart_BPL).sum(axis=-1)
    return loss_BP
