from __future__ import annotations

import pytest

from ingot.serve.ports import Principal, Quota
from ingot.serve.quotas import Quotas
from ingot.serve.refusal import Refusal


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refused(quotas: Quotas, principal: Principal) -> Refusal:
    with pytest.raises(Refusal) as caught:
        quotas.begin(principal)
    assert caught.value.status == 429
    return caught.value


def test_requests_of_the_last_minute(clock: Clock) -> None:
    quotas, ada = Quotas(clock), Principal("ada", Quota(requests_per_minute=2))
    quotas.begin(ada)
    clock.now += 30
    quotas.begin(ada)
    assert refused(quotas, ada).headers["Retry-After"] == "30"
    quotas.begin(Principal("bob", Quota(requests_per_minute=2)))
    clock.now += 30
    quotas.begin(ada)


def test_tokens_of_the_last_minute(clock: Clock) -> None:
    quotas, ada = Quotas(clock), Principal("ada", Quota(tokens_per_minute=100))
    quotas.begin(ada)
    quotas.spend(ada, 60)
    quotas.begin(ada)
    clock.now += 10
    quotas.spend(ada, 60)
    assert refused(quotas, ada).headers["Retry-After"] == "50"
    clock.now += 50
    quotas.begin(ada)


def test_tokens_of_the_day(clock: Clock) -> None:
    quotas, ada = Quotas(clock), Principal("ada", Quota(tokens_per_day=100))
    quotas.spend(ada, 100)
    assert refused(quotas, ada).code == "insufficient_quota"
    clock.now += 86_400
    quotas.begin(ada)


def test_without_limits_nothing_is_kept(clock: Clock) -> None:
    quotas = Quotas(clock)
    quotas.begin(Principal("ada"))
    quotas.spend(Principal("ada"), 10)
    assert quotas._used == {}
