"""One request from its slot to its last byte.

The connection is watched while the answer is made, streamed or not: when the caller hangs up, the work is cancelled,
the engine stops, and the slot is free for the next one. What was generated until then is still counted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ingot.core.errors import IngotError
from ingot.infer.text import Token
from ingot.serve.gateway import Gateway
from ingot.serve.openai_api import ApiError, WireUsage
from ingot.serve.ports import Meter, Usage
from ingot.serve.reply import DONE, Dialect, Said, event
from ingot.serve.request import Asked

CONTINUATION = {"X-Ingot-Mode": "continuation"}


class Answering(Response):
    """The response to one request; the answer is made while it is sent."""

    def __init__(self, asked: Asked, dialect: Dialect, gateway: Gateway, meter: Meter, principal: str) -> None:
        super().__init__(headers=CONTINUATION if asked.model.kind == "base" else {})
        self._asked, self._dialect, self._gateway = asked, dialect, gateway
        self._meter, self._principal = meter, principal
        self._written = 0

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
        async with self._gateway.slot():
            started = time.monotonic()
            try:
                if self._asked.is_stream:
                    await self._send_pieces(send)
                else:
                    await self._send_whole(send)
            finally:
                self._meter.record(self._used(time.monotonic() - started))

    async def _send_whole(self, send: Send) -> None:
        answers: dict[int, list[Token]] = {}
        async with aclosing(self._tokens()) as tokens:
            async for index, token in tokens:
                answers.setdefault(index, []).append(token)
        said = [Said(index, tokens) for index, tokens in answers.items()]
        body = self._dialect.whole(said, self._wire_usage()).model_dump_json().encode()
        await self._start(send, "application/json")
        await send({"type": "http.response.body", "body": body})

    async def _send_pieces(self, send: Send) -> None:
        await self._start(send, "text/event-stream; charset=utf-8")
        try:
            # Leaving a generator does not close it, and the engine behind it would go on: hence aclosing, everywhere.
            async with aclosing(self._events()) as events:
                async for text in events:
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        except IngotError as error:
            # The status is sent already: the error becomes the last event of the stream.
            text = f"data: {ApiError(500, str(error)).as_json()}\n\n"
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _events(self) -> AsyncGenerator[str, None]:
        includes_usage = self._asked.includes_usage
        characters: dict[int, int] = {}
        async with aclosing(self._tokens()) as tokens:
            async for index, token in tokens:
                if index not in characters and (opening := self._dialect.opening(index)) is not None:
                    yield event(opening, includes_usage)
                offset = characters.setdefault(index, 0)
                yield event(self._dialect.piece(index, token, offset), includes_usage)
                characters[index] += len(token.text)
        if includes_usage:
            yield event(self._dialect.usage(self._wire_usage()), includes_usage)
        yield DONE

    async def _tokens(self) -> AsyncGenerator[tuple[int, Token], None]:
        for question in self._asked.questions:
            async with aclosing(self._gateway.tokens(self._asked.model.engine, question)) as tokens:
                async for token in tokens:
                    self._written += 1
                    yield question.index, token

    async def _start(self, send: Send, media_type: str) -> None:
        own = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        headers = [*own, (b"content-type", media_type.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    def _wire_usage(self) -> WireUsage:
        read, written = self._asked.prompt_tokens, self._written
        return WireUsage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)

    def _used(self, seconds: float) -> Usage:
        model = self._asked.model.reference
        return Usage(self._principal, model, self._asked.prompt_tokens, self._written, seconds)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
