"""A server for benchmarks of engines, in a process of its own: ours over HTTP, or llama.cpp's own.

`ingot:NAME` is the whole application over engine NAME in its supervised child, as `ingot serve` runs it. `llama.cpp` is
the server that llama.cpp brings, with its own defaults (half-precision cache, fast attention) and as many slots.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from ingot.infer import supervised
from ingot.serve.app import create_app
from ingot.serve.draining import DrainingServer
from ingot.serve.gateway import Limits
from ingot.serve.local.keys import Anybody, KeyFile
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from ingot.serve.local.usage import UsageFile
from ingot.serve.ports import ServedModel


def serve_ours(engine: str, folder: Path, threads: int, slots: int) -> None:
    """Serve one model as `acme` to the keys in a file beside it, or to anybody, and print the port."""
    keys = folder / "keys"
    authenticator = KeyFile(keys) if keys.is_file() else Anybody()
    model = ServedModel("acme", "acme@1", "base", 0, supervised.Engine(engine, folder, threads))
    with tempfile.TemporaryDirectory() as scratch:
        meter, store = UsageFile(Path(scratch) / "usage.jsonl"), FolderStore(Path(scratch) / "store")
        app = create_app(OneModel(model), authenticator, meter, store, Limits(at_once=slots))
        listener = socket.create_server(("127.0.0.1", 0))
        print(listener.getsockname()[1], flush=True)
        DrainingServer(uvicorn.Config(app, log_level="critical", ws="none"), app.state.server).run(sockets=[listener])


def serve_llama_cpp(folder: Path, threads: int, slots: int, context: int) -> None:
    """Serve the exported file, and print the port."""
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = str(folder / "model-f16.gguf")
    settings.n_ctx, settings.n_parallel = context * slots, slots
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads
    settings.verbosity, settings.warmup = -1, False
    server = xllamacpp.Server(settings)
    print(urlsplit(server.listening_address).port, flush=True)
    while True:
        time.sleep(3600)


def main() -> None:
    """Serve KIND FOLDER THREADS SLOTS CONTEXT."""
    kind, folder = sys.argv[1], Path(sys.argv[2])
    threads, slots, context = map(int, sys.argv[3:6])
    if kind == "llama.cpp":
        serve_llama_cpp(folder, threads, slots, context)
    else:
        serve_ours(kind.removeprefix("ingot:"), folder, threads, slots)


if __name__ == "__main__":
    main()
