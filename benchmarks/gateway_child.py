"""A server for benchmarks/serve_gateway.py, in a process of its own: the gateway, or next to nothing.

`gateway` is the whole application over an engine that takes no time, so that what is measured is everything but the
model. `echo` is the least an ASGI server can do with the same requests: read the body and send bytes back, in one piece
or in as many chunks as the gateway would.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import uvicorn
from numpy.typing import NDArray
from starlette.types import ASGIApp, Receive, Scope, Send

from ingot.infer.engine import Control, EngineStats, Stop
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.serve.app import create_app
from ingot.serve.gateway import Limits
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from ingot.serve.local.usage import UsageFile
from ingot.serve.ports import ServedModel
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

ANSWER = b'{"choices": [{"message": {"role": "assistant", "content": "a a a a"}}]}'


class InstantEngine:
    """Says the same token again and again, at once."""

    name = "instant"
    context = 8192
    most_top_logprobs = 0
    controls: frozenset[Control] = frozenset()

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        (self._token,) = codec.encode("a")

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return as many tokens as were asked for."""
        return as_tokens(self._drawn(), self.codec.decoder(), params, frozenset())

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

    def _drawn(self) -> Generator[Drawn, None, None]:
        while True:
            yield Drawn(self._token, -0.1)


def gateway(folder: Path) -> ASGIApp:
    """Return the application, counting into a file as it does for people."""
    write(learn(["a quick brown fox jumps over the lazy dog " * 50], 384), folder)
    model = ServedModel("instant", "instant@1", "chat", 0, InstantEngine(Codec.load(folder)))
    meter, store = UsageFile(folder / "usage.jsonl"), FolderStore(folder / "store")
    return create_app(OneModel(model), Anybody(), meter, store, Limits(waiting=1000))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with fixed bytes; a stream in as many chunks as tokens were asked for."""
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    asked = json.loads(body or b"{}")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    for _ in range(asked["max_tokens"] if asked.get("stream") else 0):
        await send({"type": "http.response.body", "body": b"data: " + ANSWER + b"\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": ANSWER})


def main() -> None:
    """Serve `gateway` or `echo` on a free port, and print its number."""
    with tempfile.TemporaryDirectory() as folder:
        app: ASGIApp = gateway(Path(folder)) if sys.argv[1] == "gateway" else echo
        config = uvicorn.Config(app, port=0, log_level="critical", ws="none", lifespan="auto")
        server = uvicorn.Server(config)
        started = server.startup

        async def startup(sockets: list[object] | None = None) -> None:
            await started()
            print(server.servers[0].sockets[0].getsockname()[1], flush=True)

        server.startup = startup  # type: ignore[method-assign, assignment]
        server.run()


if __name__ == "__main__":
    main()
