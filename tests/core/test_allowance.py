from __future__ import annotations

import pytest

from ingot.core.allowance import Allowance, Prices


def test_time_and_energy_have_their_prices() -> None:
    assert Prices(per_hour=2.0).of(1800, None) == 1.0
    assert Prices(per_kwh=0.3).of(0, 3.6e6) == pytest.approx(0.3)
    assert Prices(2.0, 0.3).of(3600, 3.6e6) == pytest.approx(2.3)


def test_what_is_not_known_has_no_price_and_not_the_price_zero() -> None:
    assert Prices().of(3600, 3.6e6) is None
    assert Prices(per_kwh=0.3).of(3600, None) is None


def test_without_numbers_nothing_is_limited() -> None:
    assert not Allowance(per_hour=3.0).is_limited
    assert Allowance(money=1.0, per_hour=3.0).is_limited
    assert Allowance(per_hour=3.0).prices == Prices(per_hour=3.0)
