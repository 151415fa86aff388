"""A server for benchmarks/serve_gateway.py, in a process of its own: the gateway, or next to nothing.

`gateway` is the whole application over an engine that takes no time, so that what is measured is everything but the
model; that of `blocking` must be asked in a thread, and so must that of `stamped`, which makes a token every few
milliseconds, whose text is the time it was made. `echo` is the least an ASGI server can do with the same requests, over
the same connections: read the body and send as many bytes back, in one piece, or at the same pace with the time in
them.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.types import ASGIApp, Receive, Scope, Send

from ingot.infer.engine import Control, EngineStats, Heard, Stop
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.serve.app import create_app
from ingot.serve.connections import settings
from ingot.serve.gateway import Gateway, Limits
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from ingot.serve.local.usage import UsageFile
from ingot.serve.ports import ServedModel
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

SECONDS_PER_CHUNK = 0.005
# As many bytes as the gateway answers.
ANSWER = b'{"choices": [{"message": {"role": "assistant", "content": "a a a a"}}]}'.ljust(560)
PIECE = b'data: {"choices":[{"delta":{"content":" %d"}}]}'
PIECE_BYTES = 240


class InstantEngine:
    """Says the same token again and again, at once."""

    name = "instant"
    context = 8192
    most_top_logprobs = 0
    controls: frozenset[Control] = frozenset()

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        (token,) = codec.encode("a")
        self._made = Token(token, "a", -0.1)
        self._last = replace(self._made, finish="length")

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return as many tokens as were asked for."""
        yield from islice(repeat(self._made), params.max_tokens - 1)
        yield self._last

    def tokenize(self, text: str) -> None:
        """Return None: the codec is the only tokenizer here."""

    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return one number for each prompt."""
        return np.ones((len(prompts), 1), dtype=np.float32)

    def stats(self) -> EngineStats:
        """Return nothing: it is never busy."""
        return EngineStats()

    def close(self) -> None:
        """Hold nothing."""


class TellingEngine(InstantEngine):
    """Tells what it says on the event loop that it was asked on, as an engine in a process of its own does."""

    def listen(
        self, prompt: Sequence[int], params: SamplingParams, hear: Callable[[Heard], object]
    ) -> Callable[[], None]:
        """Begin an answer."""
        loop = asyncio.get_running_loop()
        loop.call_soon(hear, list(self.generate(prompt, params)))
        loop.call_soon(hear, None)
        return lambda: None


class StampingEngine(InstantEngine):
    """Says what time it is, again and again, at a steady pace."""

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return as many tokens as were asked for, one after another."""
        for token in super().generate(prompt, params, stop):
            time.sleep(SECONDS_PER_CHUNK)
            yield replace(token, text=f" {time.monotonic_ns()}")


def gateway(folder: Path, engine: type[InstantEngine] = InstantEngine) -> FastAPI:
    """Return the application, counting into a file as it does for people."""
    write(learn(["a quick brown fox jumps over the lazy dog " * 50], 384), folder)
    codec = Codec.load(folder)
    codec.prepare()
    model = ServedModel("instant", "instant@1", "chat", 0, engine(codec))
    meter, store = UsageFile(folder / "usage.jsonl"), FolderStore(folder / "store")
    limits = Limits(waiting=1000)
    return create_app(OneModel(model), Anybody(), meter, store, limits, while_up=closing(meter))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with fixed bytes; a stream in as many chunks as tokens were asked for, each with its time."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    asked = json.loads(body or b"{}")
    is_stream = bool(asked.get("stream"))
    size = [] if is_stream else [(b"content-length", str(len(ANSWER)).encode())]
    headers = [(b"content-type", b"application/json"), *size]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(asked["max_tokens"] if is_stream else 0):
        await asyncio.sleep(SECONDS_PER_CHUNK)
        piece = (PIECE % time.monotonic_ns()).ljust(PIECE_BYTES) + b"\n\n"
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if is_stream else ANSWER})


_ENGINES = {"gateway": TellingEngine, "blocking": InstantEngine, "stamped": StampingEngine}


def main() -> None:
    """Serve `gateway`, `stamped` or `echo` on a free port, and print its number."""
    kind = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        app: ASGIApp = echo
        slots = Gateway(Limits())
        if kind != "echo":
            app = made = gateway(Path(folder), _ENGINES[kind])
            slots = made.state.server.gateway
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        uvicorn.Server(settings(app, slots, log_level="critical")).run(sockets=[listener])


if __name__ == "__main__":
    main()
