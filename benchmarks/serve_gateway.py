"""What the gateway itself costs: everything between the socket and an engine that takes no time.

Beside it the least an ASGI server can do, in the same run, on the same machine, with the same client, the same HTTP
parser, and requests and answers of the same size. 50 requests a second come when they are due, whether or not the one
before is answered, so that a server that falls behind cannot slow the measurement down; the text of each is new, so
that nobody is quick because he remembers. A chunk says when its token was made, and its cost is how long after that
the caller has it. Processor time of the servers is told too: it does not depend on what else the machine does.

The engine tells its tokens on the event loop, as one in a process of its own does, which is what `ingot serve` gives
every model. Beside it the same with an engine that blocks and is asked in a thread.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import subprocess
import sys
import time
from typing import Any

import numpy as np
import psutil

from benchmarks.http_client import Connection
from benchmarks.report import Figure, publish

PER_SECOND = 50
WORDS = ["a", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"]
TEXT_WORDS = 72
P50_GOAL, P99_GOAL, RATIO_GOAL, CHUNK_GOAL = 2.0, 10.0, 3.0, 1.0
CHUNKS = 400
_STAMP = re.compile(rb'"content":" ([0-9]+)"')


def chat(number: int) -> dict[str, Any]:
    """Return a request whose text nobody has seen."""
    text = " ".join(random.Random(number).choices(WORDS, k=TEXT_WORDS))
    return {"model": "instant", "messages": [{"role": "user", "content": text}], "max_tokens": 4}


class Side:
    """One server in its own process."""

    def __init__(self, kind: str) -> None:
        command = [sys.executable, "-m", "benchmarks.gateway_child", kind]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def cpu_ms(self) -> float:
        """Return the processor time of the server so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return 1000 * float(times.user + times.system)

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.wait(timeout=20)


async def latencies(port: int, count: int) -> list[float]:
    """Return the milliseconds of `count` requests, each begun when it was due."""
    idle = [Connection(port) for _ in range(16)]
    for number, connection in enumerate(idle):
        await connection.post("/v1/chat/completions", chat(-1 - number))
    loop = asyncio.get_running_loop()
    bodies = [chat(number) for number in range(count)]
    begin = loop.time() + 0.1

    async def ask(number: int) -> float:
        due = begin + number / PER_SECOND
        await asyncio.sleep(due - loop.time())
        connection = idle.pop() if idle else Connection(port)
        started = loop.time()
        status, _ = await connection.post("/v1/chat/completions", bodies[number])
        seconds = loop.time() - started
        assert status == 200, status
        idle.append(connection)
        return 1000 * seconds

    measured = list(await asyncio.gather(*(ask(number) for number in range(count))))
    for connection in idle:
        connection.close()
    return measured


async def chunk_latencies(port: int) -> list[float]:
    """Return how many milliseconds after it was made each token of a stream is here."""
    connection = Connection(port)
    seen: list[float] = []
    _, chunks = await connection.begin("/v1/chat/completions", {**chat(0), "max_tokens": CHUNKS, "stream": True})
    async for chunk in chunks:
        now = time.monotonic_ns()
        seen += [(now - int(stamp)) / 1e6 for stamp in _STAMP.findall(chunk)]
    connection.close()
    assert len(seen) == CHUNKS, len(seen)
    return seen


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="2 rounds of 5 seconds instead of 5 of 20")
    is_quick = arguments.parse_args().quick
    rounds, seconds = (2, 5) if is_quick else (5, 20)
    sides = {kind: Side(kind) for kind in ("gateway", "blocking", "echo", "stamped")}
    seen: dict[str, list[float]] = {"gateway": [], "blocking": [], "echo": []}
    chunk: dict[str, list[float]] = {"stamped": [], "echo": []}
    cpu = dict.fromkeys(seen, 0.0)
    try:
        for _ in range(rounds):
            for kind, measured in seen.items():
                before = sides[kind].cpu_ms()
                measured += asyncio.run(latencies(sides[kind].port, PER_SECOND * seconds))
                cpu[kind] += sides[kind].cpu_ms() - before
            for kind, measured in chunk.items():
                measured += asyncio.run(chunk_latencies(sides[kind].port))
    finally:
        for side in sides.values():
            side.close()
    p50, p99 = (float(np.percentile(seen["gateway"], share)) for share in (50, 99))
    echo_p50, echo_p99 = (float(np.percentile(seen["echo"], share)) for share in (50, 99))
    blocking_p50 = float(np.percentile(seen["blocking"], 50))
    added, added_p99 = (
        float(np.percentile(chunk["stamped"], share) - np.percentile(chunk["echo"], share)) for share in (50, 99)
    )
    per_request = {kind: spent / len(seen[kind]) for kind, spent in cpu.items()}
    publish(
        "serve_gateway",
        [
            Figure("gateway's own cost, p50", p50, "ms", "<= 2", p50 <= P50_GOAL),
            Figure("gateway's own cost, p99", p99, "ms", "<= 10", p99 <= P99_GOAL),
            Figure("with an engine that blocks, in a thread, p50", blocking_p50, "ms", "beside it", None),
            Figure("bare ASGI echo, p50", echo_p50, "ms", "beside it", None),
            Figure("bare ASGI echo, p99", echo_p99, "ms", "beside it", None),
            Figure("gateway over echo, p50", p50 / echo_p50, "times", "<= 3", p50 / echo_p50 <= RATIO_GOAL),
            Figure("gateway over echo, p99", p99 / echo_p99, "times", "beside it", None),
            Figure("processor time of a request, gateway", per_request["gateway"], "ms", "beside it", None),
            Figure("processor time of a request, echo", per_request["echo"], "ms", "beside it", None),
            Figure("added to a chunk of a stream, p50", added, "ms", "<= 1", added <= CHUNK_GOAL),
            Figure("added to a chunk of a stream, p99", added_p99, "ms", "beside it", None),
        ],
        {
            "is_quick": is_quick,
            "requests_per_second": PER_SECOND,
            "requests": len(seen["gateway"]),
            "chunks": len(chunk["stamped"]),
            "percentiles": {
                kind: {share: float(np.percentile(measured, share)) for share in (10, 50, 90, 99, 99.9)}
                for kind, measured in seen.items()
            },
            "chunk_ms": {kind: float(np.median(measured)) for kind, measured in chunk.items()},
        },
    )


if __name__ == "__main__":
    main()
