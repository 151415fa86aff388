"""Orders are fused by places, and two runs never differ."""

from __future__ import annotations

import random

import pytest

from ingot.retrieve.fusion import fused


def test_fusion_is_the_sum_of_the_inverse_places() -> None:
    drawn = random.Random(0)
    orders = [drawn.sample(range(30), drawn.randrange(30)) for _ in range(4)]
    expected = {
        number: sum(1 / (60 + order.index(number) + 1) for order in orders if number in order)
        for number in set().union(*orders)
    }
    found = fused(orders)
    assert dict(found) == pytest.approx(expected)
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


def test_what_is_equal_comes_in_the_order_of_its_numbers() -> None:
    assert [number for number, _ in fused([[9, 3], [3, 9]])] == [3, 9]
    assert fused([]) == []
