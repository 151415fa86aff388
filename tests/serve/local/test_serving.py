from __future__ import annotations

from collections import Counter

from ingot.registry.release import Canary
from ingot.serve.ports import Origin
from tests.serve.local.opened import House, answering, talk


def test_a_canary_gets_its_share_and_a_conversation_stays_with_it(house: House) -> None:
    house.releasing.promote("acme", "acme@2")
    models = house.serve("acme")
    house.releasing.canary("acme", Canary("acme@3", 0.2))
    models.look()
    seen = [answering(models, talk(number)) for number in range(2000)]
    assert abs(seen.count("acme@3") - 400) < 6 * (2000 * 0.2 * 0.8) ** 0.5
    assert set(seen) == {"acme@2", "acme@3"}
    assert [answering(models, talk(number)) for number in range(2000)] == seen
    # Without anything that ties it to others, each request is drawn by itself.
    alone = Counter(answering(models, Origin("ada")) for _ in range(2000))
    assert abs(alone["acme@3"] - 400) < 6 * (2000 * 0.2 * 0.8) ** 0.5
    assert answering(models) == "acme@2"
    assert {(one.reference, one.role) for one in models.shares()} == {("acme@2", "stable"), ("acme@3", "canary")}


def test_a_caller_stays_with_one_version(house: House) -> None:
    house.releasing.canary("acme", Canary("acme@1", 0.5, by="caller"))
    models = house.serve("acme")
    models.look()
    seen = {caller: {answering(models, talk(number, caller)) for number in range(20)} for caller in "abcdefgh"}
    assert all(len(versions) == 1 for versions in seen.values())
    assert set.union(*seen.values()) == {"acme@1", "acme@3"}
