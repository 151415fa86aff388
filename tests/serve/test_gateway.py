from __future__ import annotations

import asyncio

import pytest

from ingot.infer.sampling import SamplingParams
from ingot.serve.asks.asked import Question
from ingot.serve.gateway import Gateway, Limits
from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal
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


ADA, BOB = Principal("ada"), Principal("bob")


def test_a_full_server_refuses_at_the_door() -> None:
    async def scenario() -> None:
        gateway = Gateway(Limits(at_once=1, waiting=1))
        async with gateway.visit(ADA), gateway.visit(ADA):
            with pytest.raises(Refusal) as caught:
                async with gateway.visit(ADA):
                    raise AssertionError("there was no room")
            assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "2")
            async with gateway.visit(BOB):  # one key's flood does not keep the others out
                assert gateway.inside == 3
        async with gateway.visit(ADA):
            assert gateway.inside == 1

    asyncio.run(scenario())


def test_a_draining_server_takes_nobody() -> None:
    async def scenario() -> None:
        gateway = Gateway(Limits())
        gateway.is_draining = True
        with pytest.raises(Refusal) as caught:
            async with gateway.visit(ADA):
                raise AssertionError("it was to end")
        assert caught.value.status == 503
        assert "Retry-After" in caught.value.headers

    asyncio.run(scenario())


def test_a_wait_has_an_end() -> None:
    async def scenario() -> None:
        gateway = Gateway(Limits(at_once=1, seconds=0.05))
        async with gateway.slot(ADA, 10):
            with pytest.raises(Refusal) as caught:
                async with gateway.slot(ADA, 10):
                    raise AssertionError("the slot was taken")
            assert (caught.value.status, caught.value.code) == (503, "deadline_exceeded")
            assert (gateway.active, gateway.waiting) == (1, 0)
        assert gateway.active == 0

    asyncio.run(scenario())
