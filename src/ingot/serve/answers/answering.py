"""One request from its slot to its last byte.

The connection is watched while the answer is made, streamed or not: when the caller hangs up, the work is cancelled,
the engine stops, and the slot is free for the next one. What was generated until then is still counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingot.core.errors import IngotError, InputError
from ingot.serve.answers.reading import Said, reader
from ingot.serve.answers.voice import Answer, Voice
from ingot.serve.asks.asked import Asked
from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal
from ingot.serve.server import Server, Tally
from ingot.serve.wire.replies import WireUsage

Keep = Callable[[Sequence[Answer], WireUsage], Awaitable[None]]
_log = logging.getLogger(__name__)


class Answering(Response):
    """The response to one request; the answer is made while it is sent.

    `keep` is given the answers before the caller hears that they are whole.
    """

    def __init__(
        self, asked: Asked, voice: Voice, server: Server, principal: Principal, keep: Keep | None = None
    ) -> None:
        own = {"X-Ingot-Model": asked.model.reference}
        if asked.model.kind == "base":
            own["X-Ingot-Mode"] = "continuation"
        super().__init__(headers=own)
        self._asked, self._voice = asked, voice
        self._server, self._principal, self._keep = server, principal, keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless the caller hangs up before the answer is whole."""
        work = asyncio.create_task(self._answer(send))
        gone = asyncio.create_task(_hung_up(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            work.cancel()  # does nothing to an answer that is whole
            await asyncio.wait({work, gone})
        if not work.cancelled():
            work.result()

    async def _answer(self, send: Send) -> None:
        asked = self._asked
        async with self._server.tally(asked.model, asked.prompt_tokens, asked.most_tokens, self._principal) as tally:
            if asked.is_stream:
                await self._send_pieces(send, tally)
            else:
                await self._send_whole(send, tally)

    async def _send_whole(self, send: Send, tally: Tally) -> None:
        answers = await heard(self._asked, self._server, tally)
        usage = tally.usage()
        if self._keep is not None:
            await self._keep(answers, usage)
        body = self._voice.whole(answers, usage).encode()
        await self._start(send, "application/json")
        await send({"type": "http.response.body", "body": body})

    async def _send_pieces(self, send: Send, tally: Tally) -> None:
        await self._start(send, "text/event-stream; charset=utf-8")
        try:
            # Leaving a generator does not close it, and the engine behind it would go on: hence aclosing, everywhere.
            async with aclosing(spoken_parts(self._asked, self._server, tally)) as parts:
                said: dict[int, list[Said]] = {}
                async for index, part in parts:
                    if index not in said:
                        await _send(send, self._voice.opening(index))
                    said.setdefault(index, []).append(part)
                    await _send(send, self._voice.part(index, part))
            usage = tally.usage()
            if self._keep is not None:
                await self._keep([Answer.of(index, parts) for index, parts in said.items()], usage)
            await _send(send, self._voice.closing(usage))
        except Exception as error:
            # The status is sent already: the error becomes the last event of the stream.
            await _send(send, self._voice.failed(_as_refusal(error, self._server)))
        await send({"type": "http.response.body", "body": b""})

    async def _start(self, send: Send, media_type: str) -> None:
        own = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        headers = [*own, (b"content-type", media_type.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


async def heard(asked: Asked, server: Server, tally: Tally) -> list[Answer]:
    """Return all answers to a request. Raises Refusal when they take too long."""
    said: dict[int, list[Said]] = {}
    try:
        async with aclosing(spoken_parts(asked, server, tally)) as parts:
            async for index, part in parts:
                said.setdefault(index, []).append(part)
    except TimeoutError:
        raise _too_slow(server) from None
    return [Answer.of(index, parts) for index, parts in said.items()]


async def spoken_parts(asked: Asked, server: Server, tally: Tally) -> AsyncGenerator[tuple[int, Said], None]:
    """Yield what the answers may say, one after another, with the number of each. Raises TimeoutError."""
    doors = server.judges.doors(asked.model, tally.principal)
    async with aclosing(_written_parts(asked, server, tally)) as parts:
        if doors.are_open:
            async for part in parts:
                yield part
        else:
            async with aclosing(doors.guarded(parts)) as guarded:
                async for part in guarded:
                    yield part


async def _written_parts(asked: Asked, server: Server, tally: Tally) -> AsyncGenerator[tuple[int, Said], None]:
    gateway = server.gateway
    async with asyncio.timeout(gateway.limits.seconds):
        for question in asked.questions:
            reads = reader(asked, question)
            async with aclosing(gateway.tokens(asked.model.engine, question)) as tokens:
                async for token in tokens:
                    tally.write()
                    is_over = False
                    for said in reads.read(token):
                        yield question.index, said
                        is_over = is_over or said.finish is not None
                    if is_over:
                        break


async def _send(send: Send, events: Iterable[str]) -> None:
    text = "".join(events)
    if text:
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _as_refusal(error: Exception, server: Server) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, TimeoutError):
        return _too_slow(server)
    if isinstance(error, InputError):
        return Refusal(400, " ".join(filter(None, (error.what, error.why, error.fix))))
    _log.error("an answer failed while it was streamed", exc_info=error)
    if isinstance(error, IngotError):
        return Refusal(500, str(error))
    return Refusal(500, "the server failed to answer; its log says why")


def _too_slow(server: Server) -> Refusal:
    seconds = server.gateway.limits.seconds
    return Refusal(
        504, f"the answer took longer than {seconds:g} seconds: ask for fewer tokens", code="deadline_exceeded"
    )


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
