from __future__ import annotations

import asyncio
import threading

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


def test_many_items_wake_the_loop_once() -> None:
    async def scenario() -> tuple[int, list[int]]:
        handover: Handover[int] = Handover()
        loop = asyncio.get_running_loop()
        wakes: list[object] = []
        soon = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *given, **more: wakes.append(given) or soon(*given, **more)  # type: ignore[method-assign, assignment]
        for number in range(100):
            handover.put(number)
        return len(wakes), await handover.take()

    assert asyncio.run(scenario()) == (1, list(range(100)))


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
