from __future__ import annotations

import asyncio

import pytest

from ingot.infer.sampling import SamplingParams
from ingot.serve.gateway import Gateway, Limits
from ingot.serve.openai_api import ApiError
from ingot.serve.request import Question
from tests.serve.running import PacedEngine


def test_an_error_in_the_thread_reaches_the_caller() -> None:
    class Broken(PacedEngine):
        def __init__(self) -> None: ...

        def generate(self, *_: object) -> None:
            raise OSError("the disk went away")

    async def ask() -> None:
        gateway = Gateway(Limits(at_once=1))
        async for _ in gateway.tokens(Broken(), Question(0, [1], SamplingParams())):
            raise AssertionError("nothing was generated")

    with pytest.raises(OSError, match="the disk went away"):
        asyncio.run(ask())


def test_slots_bound_what_runs_and_what_waits() -> None:
    async def scenario() -> None:
        gateway = Gateway(Limits(at_once=1, waiting=1))
        async with gateway.slot():
            gateway.refuse_if_full()
            waiter = asyncio.create_task(hold(gateway))
            await asyncio.sleep(0)
            with pytest.raises(ApiError) as caught:
                gateway.refuse_if_full()
            assert caught.value.status == 429
            waiter.cancel()
            await asyncio.wait([waiter])
            gateway.refuse_if_full()
        assert (gateway.active, gateway.waiting) == (0, 0)
        async with gateway.slot():
            assert gateway.active == 1

    async def hold(gateway: Gateway) -> None:
        async with gateway.slot():
            pass

    asyncio.run(scenario())
