"""A server for benchmarks/serve_load.py, in a process of its own, that ends as `ingot serve` does.

`paced` answers with an engine that takes a fixed time a token, so that a full server is full for a known time. `home`
serves the model `acme` of a home folder, each version in a child process of its own, and follows new versions.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from fastapi import FastAPI

from benchmarks.gateway_child import InstantEngine
from ingot.flow.home import Home
from ingot.infer.engine import Stop
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.serve.app import create_app
from ingot.serve.connections import settings
from ingot.serve.draining import DrainingServer
from ingot.serve.gateway import Limits
from ingot.serve.local.app import local_app
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from ingot.serve.local.usage import UsageFile
from ingot.serve.ports import ServedModel
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write

SECONDS_PER_TOKEN = 0.01
CAPACITY, WAITING = 4, 8


class PacedEngine(InstantEngine):
    """Takes a fixed time for each token."""

    name = "paced"

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return as many tokens as were asked for, one after another."""
        for token in super().generate(prompt, params, stop):
            time.sleep(SECONDS_PER_TOKEN)
            yield token


def paced(folder: Path) -> FastAPI:
    """Return the application over a paced engine."""
    folder.mkdir(parents=True, exist_ok=True)
    write(learn(["a quick brown fox jumps over the lazy dog " * 50], 384), folder)
    model = ServedModel("acme", "acme@1", "chat", 0, PacedEngine(Codec.load(folder)))
    meter, store = UsageFile(folder / "usage.jsonl"), FolderStore(folder / "store")
    limits = Limits(at_once=CAPACITY, waiting=WAITING)
    return create_app(OneModel(model), Anybody(), meter, store, limits, while_up=closing(meter))


def main() -> None:
    """Serve `paced FOLDER` or `home FOLDER` on a free port, and print its number."""
    kind, folder = sys.argv[1], Path(sys.argv[2])
    app = paced(folder) if kind == "paced" else local_app(Home(folder), ["acme"], limits=Limits(waiting=1000))
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = settings(app, app.state.server.gateway, log_level="critical")
    DrainingServer(config, app.state.server).run(sockets=[listener])


if __name__ == "__main__":
    main()
