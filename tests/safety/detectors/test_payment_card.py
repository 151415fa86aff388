from __future__ import annotations

import pytest

from tests.safety.detectors.found import words


@pytest.mark.parametrize(
    "number",
    [
        "4111 1111 1111 1111",
        "5555555555554444",
        "2223003122003222",
        "3782-822463-10005",
        "30569309025904",
        "6011111111111117",
        "3530111333300000",
        "6759649826438453",
        "4222222222222",
    ],
)
def test_the_networks_test_numbers_are_found(number: str) -> None:
    assert words("payment_card", f"charged to {number} today") == [number]


@pytest.mark.parametrize(
    "number", ["4111 1111 1111 1112", "1234567890123456", "0000000000000000", "41111111111111111111"]
)
def test_numbers_that_are_no_cards_are_left(number: str) -> None:
    assert words("payment_card", f"charged to {number} today") == []


def test_an_unknown_issuer_counts_where_cards_are_spoken_of() -> None:
    number = "9900000000000002"
    assert words("payment_card", f"my card {number}") == [number]
    assert words("payment_card", f"batch {number}") == []
    assert words("payment_card", f"my card {number}", unknown_issuers=False) == []


def test_a_part_of_a_longer_row_is_none() -> None:
    assert words("payment_card", "x4111111111111111") == []
    assert words("payment_card", "0.4111111111111111") == []
