"""One request from its slot to its last byte.

The connection is watched while the answer is made, streamed or not: when the caller hangs up, the work is cancelled,
the engine stops, and the slot is free for the next one. What was generated until then is still counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingot.core.errors import IngotError, InputError
from ingot.infer.text import Token
from ingot.serve.answers.listening import WhileListening
from ingot.serve.answers.reading import Part, Reader, Said, reader
from ingot.serve.answers.voice import Answer, Voice
from ingot.serve.asks.asked import Asked, Question
from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal, in_a_sentence
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
        self._own_headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        self._asked, self._voice = asked, voice
        self._server, self._principal, self._keep = server, principal, keep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, unless the caller hangs up before the answer is whole."""
        async with WhileListening(receive):
            await self._answer(send)

    async def _answer(self, send: Send) -> None:
        asked = self._asked
        holds, caller = asked.most_tokens, self._principal
        async with self._server.tally(asked.model, asked.prompt_tokens, holds, caller, asked.operation) as tally:
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
        await self._start(send, "application/json", (b"content-length", str(len(body)).encode("ascii")))
        await send({"type": "http.response.body", "body": body})

    async def _send_pieces(self, send: Send, tally: Tally) -> None:
        await self._start(send, "text/event-stream; charset=utf-8")
        try:
            # Leaving a generator does not close it, and the engine behind it would go on: hence aclosing, everywhere.
            said: dict[int, list[Said]] = {}
            async with aclosing(spoken_parts(self._asked, self._server, tally)) as batches:
                async for batch in batches:
                    await _send(send, self._events(batch, said))
            usage = tally.usage()
            if self._keep is not None:
                await self._keep([Answer.of(index, parts) for index, parts in said.items()], usage)
            await _send(send, self._voice.closing(usage))
        except Exception as error:
            # The status is sent already: the error becomes the last event of the stream.
            tally.fail(error)
            await _send(send, self._voice.failed(_as_refusal(error, self._server)))
        await send({"type": "http.response.body", "body": b""})

    def _events(self, batch: Sequence[Part], said: dict[int, list[Said]]) -> Iterator[str]:
        for index, part in batch:
            if index not in said:
                yield from self._voice.opening(index)
            said.setdefault(index, []).append(part)
            yield from self._voice.part(index, part)

    async def _start(self, send: Send, media_type: str, *more: tuple[bytes, bytes]) -> None:
        headers = [*self._own_headers, (b"content-type", media_type.encode()), (b"cache-control", b"no-store"), *more]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


async def heard(asked: Asked, server: Server, tally: Tally) -> list[Answer]:
    """Return all answers to a request. Raises Refusal when they take too long."""
    said: dict[int, list[Said]] = {}
    try:
        async with aclosing(spoken_parts(asked, server, tally)) as batches:
            async for batch in batches:
                for index, part in batch:
                    said.setdefault(index, []).append(part)
    except TimeoutError:
        raise _too_slow(server) from None
    return [Answer.of(index, parts) for index, parts in said.items()]


def spoken_parts(asked: Asked, server: Server, tally: Tally) -> AsyncGenerator[list[Part], None]:
    """Yield what the answers may say, one after another: each time what came since. Raises TimeoutError."""
    doors = server.judges.doors(asked.model, tally.principal, asked.policies)
    written = _written_parts(asked, server, tally)
    return written if doors.are_open else doors.guarded(written)


async def _written_parts(asked: Asked, server: Server, tally: Tally) -> AsyncGenerator[list[Part], None]:
    gateway = server.gateway
    async with asked.model.outcomes.one(), asyncio.timeout(gateway.limits.seconds):
        for question in asked.questions:
            reads = reader(asked, question)
            params = replace(question.params, cache_salt=tally.principal.cache_salt)
            salted = Question(question.index, question.prompt, params)
            made = gateway.tokens(asked.model.engine, salted, asked.is_stream, tally.begin)
            async with aclosing(made) as batches:
                async for tokens in batches:
                    tally.know(question.prompt, tokens[0].cached)
                    parts: list[Part] = []
                    try:
                        _read(reads, question.index, tokens, tally, parts)
                    except Refusal:
                        yield parts  # what was said before the answer turned out to be none
                        raise
                    yield parts
                    if parts and parts[-1][1].finish is not None:
                        break


def _read(reads: Reader, index: int, tokens: Sequence[Token], tally: Tally, parts: list[Part]) -> None:
    """Add to `parts` what tokens say, up to the end of the answer."""
    for token in tokens:
        tally.write()
        parts.extend((index, said) for said in reads.read(token))
        if parts and parts[-1][1].finish is not None:
            return  # an engine may have made more, which is no part of the answer and not counted


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
        return Refusal(400, in_a_sentence(error))
    _log.error("an answer failed while it was streamed", exc_info=error)
    if isinstance(error, IngotError):
        return Refusal(500, str(error))
    return Refusal(500, "the server failed to answer; its log says why")


def _too_slow(server: Server) -> Refusal:
    seconds = server.gateway.limits.seconds
    return Refusal(
        504, f"the answer took longer than {seconds:g} seconds: ask for fewer tokens", code="deadline_exceeded"
    )
