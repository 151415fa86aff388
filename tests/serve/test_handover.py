from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from ingot.serve.handover import Handover


def test_everything_arrives_in_order_however_fast_it_is_made() -> None:
    async def scenario() -> list[int]:
        handover: Handover[int] = Handover()
        thread = threading.Thread(target=lambda: [handover.put(number) for number in range(20_000)])
        thread.start()
        taken: list[int] = []
        while len(taken) < 20_000:
            taken += await asyncio.wait_for(handover.take(), 20)
        thread.join()
        return taken

    assert asyncio.run(scenario()) == list(range(20_000))


def watched_wakes() -> list[object]:
    """Return a list that grows whenever another thread, or a `put`, wakes the running loop."""
    loop: Any = asyncio.get_running_loop()
    wakes: list[object] = []
    soon = loop.call_soon_threadsafe

    def noted(*given: Any, **more: Any) -> object:
        wakes.append(given)
        return soon(*given, **more)

    loop.call_soon_threadsafe = noted
    return wakes


async def in_a_thread(work: Callable[[], object]) -> None:
    """Do something in another thread, which wakes the loop for nothing else."""
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.001)


def test_many_items_wake_the_loop_once() -> None:
    async def scenario() -> tuple[int, list[int]]:
        handover: Handover[int] = Handover()
        wakes = watched_wakes()
        await in_a_thread(lambda: [handover.put(number) for number in range(100)])
        return len(wakes), await handover.take()

    assert asyncio.run(scenario()) == (1, list(range(100)))


def test_the_loop_itself_is_not_woken() -> None:
    async def scenario() -> tuple[list[object], list[str]]:
        handover: Handover[str] = Handover()
        wakes = watched_wakes()
        waiting = asyncio.create_task(handover.take())
        await asyncio.sleep(0)
        handover.put("a")
        return wakes, await asyncio.wait_for(waiting, 20)

    assert asyncio.run(scenario()) == ([], ["a"])


def test_one_who_waits_is_woken() -> None:
    async def scenario() -> list[list[str]]:
        handover: Handover[str] = Handover()
        taken = []
        for word in ("a", "b"):
            waiting = asyncio.create_task(handover.take())
            await asyncio.sleep(0.01)
            await asyncio.to_thread(handover.put, word)
            taken.append(await waiting)
        return taken

    assert asyncio.run(scenario()) == [["a"], ["b"]]


def test_where_nobody_reads_before_the_end_the_loop_is_woken_by_what_is_urgent() -> None:
    async def scenario() -> tuple[int, list[int]]:
        handover: Handover[int] = Handover(pause=3600)
        wakes = watched_wakes()
        await in_a_thread(lambda: [handover.put(number) for number in range(10)])
        assert not wakes
        await in_a_thread(lambda: handover.put(10, is_urgent=True))
        return len(wakes), await handover.take()

    assert asyncio.run(scenario()) == (1, list(range(11)))


def test_after_a_pause_any_item_wakes_the_loop() -> None:
    async def scenario() -> list[str]:
        handover: Handover[str] = Handover(pause=0.01)
        waiting = asyncio.create_task(handover.take())
        await asyncio.sleep(0.02)
        await asyncio.to_thread(handover.put, "a")
        return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(scenario()) == ["a"]
