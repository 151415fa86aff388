from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from ingot.serve.ports import Principal, Quota
from ingot.serve.queue import FairQueue

ADA, BOB = Principal("ada"), Principal("bob")


class Order:
    """Asks a queue for turns, and notes who got one."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue, self.came = queue, list[str]()

    async def ask(self, principal: Principal, tokens: int = 10, name: str = "") -> None:
        await self.queue.enter(principal, tokens)
        self.came.append(name or principal.id)
        await asyncio.sleep(0)
        self.queue.leave(tokens)


async def started(*asks: Coroutine[Any, Any, None]) -> list[asyncio.Task[None]]:
    tasks = []
    for ask in asks:
        tasks.append(asyncio.create_task(ask))
        await asyncio.sleep(0)
    return tasks


def test_one_with_many_requests_does_not_hold_up_the_others() -> None:
    async def scenario() -> list[str]:
        queue = FairQueue(1)
        order = Order(queue)
        await queue.enter(ADA, 10)
        tasks = await started(*(order.ask(ADA) for _ in range(5)), order.ask(BOB), order.ask(BOB))
        queue.leave(10)
        await asyncio.gather(*tasks)
        assert (queue.active, queue.waiting) == (0, 0)
        return order.came

    assert asyncio.run(scenario()) == ["bob", "ada", "bob", "ada", "ada", "ada", "ada"]


def test_it_is_fair_by_tokens_and_weight() -> None:
    heavy = Principal("heavy", Quota(weight=2))

    async def scenario() -> list[str]:
        queue = FairQueue(1)
        order = Order(queue)
        await queue.enter(Principal("first"), 1)
        tasks = await started(*(order.ask(heavy) for _ in range(4)), *(order.ask(BOB) for _ in range(4)))
        queue.leave(1)
        await asyncio.gather(*tasks)
        return order.came[:6]

    assert asyncio.run(scenario()).count("heavy") == 4


def test_within_a_key_the_order_is_that_of_arrival() -> None:
    async def scenario() -> list[str]:
        queue = FairQueue(1)
        order = Order(queue)
        await queue.enter(ADA, 10)
        tasks = await started(*(order.ask(ADA, tokens, str(tokens)) for tokens in (30, 10, 20)))
        queue.leave(10)
        await asyncio.gather(*tasks)
        return order.came

    assert asyncio.run(scenario()) == ["30", "10", "20"]


def test_tokens_are_bounded_and_the_large_request_is_not_overtaken() -> None:
    async def scenario() -> list[str]:
        queue = FairQueue(4, tokens=100)
        order = Order(queue)
        await queue.enter(ADA, 60)
        tasks = await started(order.ask(ADA, 90, "large"), order.ask(ADA, 10, "small"))
        assert (queue.active, queue.waiting) == (1, 2)
        queue.leave(60)
        await asyncio.gather(*tasks)
        await queue.enter(ADA, 1000)  # alone it may be larger than the bound
        queue.leave(1000)
        return order.came

    assert asyncio.run(scenario()) == ["large", "small"]


def test_whether_one_would_have_to_wait() -> None:
    async def scenario() -> None:
        queue = FairQueue(2, tokens=100)
        assert queue.has_room(1000)
        await queue.enter(ADA, 60)
        assert (queue.has_room(40), queue.has_room(41)) == (True, False)
        (waiting,) = await started(Order(queue).ask(ADA, 90, "large"))
        assert not queue.has_room(1)  # it would overtake
        queue.leave(60)
        await waiting
        await queue.enter(ADA, 1)
        queue.leave(1)

    asyncio.run(scenario())


def test_one_who_stops_waiting_leaves_and_lets_the_next_one_in() -> None:
    async def scenario() -> list[str]:
        queue = FairQueue(4, tokens=100)
        order = Order(queue)
        await queue.enter(ADA, 60)
        large, small = await started(order.ask(ADA, 90, "large"), order.ask(ADA, 10, "small"))
        large.cancel()
        await asyncio.wait([large])
        await small
        queue.leave(60)
        assert (queue.active, queue.waiting) == (0, 0)
        return order.came

    assert asyncio.run(scenario()) == ["small"]


def test_a_turn_that_comes_while_one_leaves_is_handed_on() -> None:
    async def scenario() -> None:
        queue = FairQueue(1)
        await queue.enter(ADA, 10)
        (waiter,) = await started(Order(queue).ask(BOB))
        queue.leave(10)  # the turn is the waiter's now, who does not know it yet
        waiter.cancel()
        await asyncio.wait([waiter])
        assert queue.active == 0

    asyncio.run(scenario())
