from __future__ import annotations

import random
import re
from decimal import Decimal

import pytest

from ingot.infer.grammars.nodes import NOTHING, ROOT, as_lark
from ingot.infer.grammars.numbers import integers, numbers
from tests.infer.grammars.samples import TextSampler


def expression(node: object) -> str:
    """The node as Python reads it: llguidance writes codes in braces."""
    text = as_lark({ROOT: node}).removeprefix("start: ")  # type: ignore[dict-item] - any node
    return (
        re.sub(r"\\x\{([0-9a-f]+)\}", lambda code: re.escape(chr(int(code[1], 16))), text)
        .replace("/", "")
        .replace(" ", "")
    )


@pytest.mark.parametrize("bounds", [(0, 0), (-1, 1), (5, 5), (-13, 120), (99, 1001), (-2000, -19), (1, 10), (0, 999)])
def test_exactly_the_whole_numbers_between_the_bounds_are_allowed(bounds: tuple[int, int]) -> None:
    pattern = re.compile(expression(integers(*bounds)))
    low, high = bounds
    assert [n for n in range(low - 30, high + 30) if pattern.fullmatch(str(n))] == list(range(low, high + 1))
    assert not pattern.fullmatch("-0")
    assert not pattern.fullmatch("007")


def test_no_number_is_between_bounds_that_cross() -> None:
    assert integers(3, 2) == NOTHING
    assert numbers(Decimal(1), Decimal(1), excludes_low=True, excludes_high=False) == NOTHING


def test_numbers_lie_between_their_bounds() -> None:
    draw = random.Random(3)
    for _ in range(60):
        low = Decimal(draw.randint(-5000, 5000)) / 100
        high = low + Decimal(draw.randint(0, 3000)) / 100
        node = numbers(low, high, excludes_low=False, excludes_high=True)
        if node != NOTHING:
            sampler = TextSampler({ROOT: node}, draw.randint(0, 99))
            assert all(low <= Decimal(sampler.text()) < high for _ in range(20))


def test_a_fraction_is_found_where_there_is_no_whole_number() -> None:
    sampler = TextSampler({ROOT: numbers(Decimal("0.2"), Decimal("0.7"), False, False)}, 1)
    assert all(0.2 <= float(sampler.text()) <= 0.7 for _ in range(50))
