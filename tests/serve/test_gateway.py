from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, aclosing

import pytest

from ingot.core.errors import EngineLostError, InputError
from ingot.infer.engine import Heard, Stop, engine_lost
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
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
        with gateway.visit(ADA), gateway.visit(ADA):
            with pytest.raises(Refusal) as caught, gateway.visit(ADA):
                raise AssertionError("there was no room")
            assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "2")
            with gateway.visit(BOB):  # one key's flood does not keep the others out
                assert gateway.inside == 3
        with gateway.visit(ADA):
            assert gateway.inside == 1

    asyncio.run(scenario())


def test_a_draining_server_takes_nobody() -> None:
    async def scenario() -> None:
        gateway = Gateway(Limits())
        gateway.is_draining = True
        with pytest.raises(Refusal) as caught, gateway.visit(ADA):
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


def test_who_finds_no_room_is_told_how_long_those_before_take() -> None:
    async def scenario() -> str:
        gateway = Gateway(Limits(at_once=1, waiting=3))
        async with gateway.slot(ADA, 1):
            await asyncio.sleep(0.4)
        with ExitStack() as inside:
            for _ in range(4):
                inside.enter_context(gateway.visit(ADA))
            with pytest.raises(Refusal) as caught:
                inside.enter_context(gateway.visit(ADA))
        return caught.value.headers["Retry-After"]

    assert int(asyncio.run(scenario())) >= 2  # four requests of 0.4 seconds and more


def test_an_answer_that_is_left_early_gives_its_thread_back() -> None:
    class Endless(PacedEngine):
        def __init__(self) -> None:
            self.ended = threading.Event()

        def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
            try:
                while True:
                    yield Token(1, "a")
            finally:
                self.ended.set()

    async def scenario() -> None:
        gateway, engine = Gateway(Limits(at_once=1)), Endless()
        for _ in range(3):
            async with aclosing(gateway.tokens(engine, Question(0, [1], SamplingParams()))) as batches:
                await anext(batches)
            assert engine.ended.is_set()  # before the slot is anybody else's
            engine.ended.clear()

    asyncio.run(scenario())


class Pushing(PacedEngine):
    """Tells two tokens on the loop it was asked on, and then what a test says."""

    def __init__(self, last: Heard = None) -> None:
        self.last, self.has_ended = last, False

    def listen(
        self, prompt: Sequence[int], params: SamplingParams, hear: Callable[[Heard], object]
    ) -> Callable[[], None]:
        if not prompt:
            raise InputError("the prompt is empty")
        loop = asyncio.get_running_loop()
        loop.call_soon(hear, [Token(1, "a"), Token(2, "b")])
        loop.call_later(0.01, hear, self.last)
        return self._end

    def _end(self) -> None:
        self.has_ended = True


def heard_of(engine: Pushing, prompt: Sequence[int], is_stream: bool = True) -> list[str]:
    async def scenario() -> list[str]:
        gateway = Gateway(Limits())
        question = Question(0, prompt, SamplingParams())
        return ["".join(one.text for one in some) async for some in gateway.tokens(engine, question, is_stream)]

    return asyncio.run(scenario())


@pytest.mark.parametrize("is_stream", [True, False])
def test_an_engine_that_pushes_is_heard_on_the_loop(is_stream: bool) -> None:
    engine = Pushing()
    assert heard_of(engine, [1], is_stream) == ["ab"]
    assert not engine.has_ended  # it was over


def test_the_errors_of_an_engine_that_pushes_reach_the_caller() -> None:
    with pytest.raises(InputError, match="empty"):
        heard_of(Pushing(), [])
    with pytest.raises(EngineLostError, match="gone"):
        heard_of(Pushing(engine_lost("acme", "gone")), [1])


def test_leaving_an_engine_that_pushes_ends_the_answer() -> None:
    async def scenario() -> None:
        engine = Pushing()
        async with aclosing(Gateway(Limits()).tokens(engine, Question(0, [1], SamplingParams()))) as batches:
            await anext(batches)
        assert engine.has_ended

    asyncio.run(scenario())
