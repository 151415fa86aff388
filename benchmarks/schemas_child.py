"""One engine with a very small model of drawn weights behind the HTTP API, asked one body after another.

In: the engine, the folder of its model, a file of request bodies (lines of JSON), the seconds it may take. Out, on
standard output: a line of JSON for each body that was answered in this time, with its number, the status, why the
answer ended, and its text: what was written, or the arguments of the call.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx

from ingot.serve.app import create_app
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from ingot.serve.ports import ServedModel
from tests.serve.running import Counting, listening

_ASKERS = 4


def main(name: str, folder: Path, bodies: Path, seconds: float) -> None:
    """Answer until all are answered or the time is over."""
    module = import_module(f"ingot.infer.engines.{name}")
    engine = module.Engine(folder, module.Config())
    model = ServedModel("acme", "acme@1", "base", 0, engine)
    app = create_app(OneModel(model), Anybody(), Counting(), FolderStore(folder / f"store-{name}"))
    until, telling = time.monotonic() + seconds, threading.Lock()
    with listening(app) as address, httpx.Client(base_url=address, timeout=120) as client:

        def ask(numbered: tuple[int, str]) -> None:
            number, body = numbered
            if time.monotonic() < until:
                line = json.dumps({"number": number, **_asked(client, body)})
                with telling:
                    print(line, flush=True)

        with ThreadPoolExecutor(_ASKERS) as askers:
            for _ in askers.map(ask, enumerate(bodies.read_text(encoding="utf-8").splitlines())):
                pass
    engine.close()


def _asked(client: httpx.Client, body: str) -> dict[str, Any]:
    try:
        reply = client.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
    except httpx.TransportError as error:
        return {"status": 0, "why": repr(error)}
    if reply.status_code != 200:
        return {"status": reply.status_code, "why": reply.text[:500]}
    choice = reply.json()["choices"][0]
    calls = choice["message"].get("tool_calls")
    told = {"name": calls[0]["function"]["name"], "text": calls[0]["function"]["arguments"]} if calls else {}
    return {"status": 200, "finish": choice["finish_reason"], "text": choice["message"]["content"], **told}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
