"""What the gateway itself costs: everything between the socket and an engine that takes no time.

Beside it the least an ASGI server can do, in the same run, on the same machine, with the same client and requests. 50
requests a second come when they are due, whether or not the one before is answered, so that a server that falls behind
cannot slow the measurement down. A chunk's cost is the time of a long stream over its chunks.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from typing import Any

import numpy as np

from benchmarks.http_client import Connection
from benchmarks.report import Figure, publish

PER_SECOND = 50
MESSAGES = [{"role": "user", "content": "a quick brown fox jumps over the lazy dog " * 8}]
CHAT = {"model": "instant", "messages": MESSAGES, "max_tokens": 4}
P50_GOAL, P99_GOAL, RATIO_GOAL, CHUNK_GOAL = 2.0, 10.0, 3.0, 1.0
CHUNKS = 2000


class Side:
    """One server in its own process."""

    def __init__(self, kind: str) -> None:
        command = [sys.executable, "-m", "benchmarks.gateway_child", kind]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def close(self) -> None:
        """End the server."""
        self._process.terminate()
        self._process.wait(timeout=20)


async def latencies(port: int, count: int) -> list[float]:
    """Return the milliseconds of `count` requests, each begun when it was due."""
    idle = [Connection(port) for _ in range(16)]
    for connection in idle:
        await connection.post("/v1/chat/completions", CHAT)
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.1

    async def ask(number: int) -> float:
        due = begin + number / PER_SECOND
        await asyncio.sleep(due - loop.time())
        connection = idle.pop() if idle else Connection(port)
        started = loop.time()
        status, _ = await connection.post("/v1/chat/completions", CHAT)
        seconds = loop.time() - started
        assert status == 200, status
        idle.append(connection)
        return 1000 * seconds

    measured = list(await asyncio.gather(*(ask(number) for number in range(count))))
    for connection in idle:
        connection.close()
    return measured


async def per_chunk(port: int) -> float:
    """Return the milliseconds a chunk of a stream takes."""
    connection = Connection(port)
    body: dict[str, Any] = {**CHAT, "max_tokens": CHUNKS, "stream": True}
    await connection.post("/v1/chat/completions", {**body, "max_tokens": 10})
    started = time.perf_counter()
    _, chunks = await connection.begin("/v1/chat/completions", body)
    count = sum([chunk.count(b"data: ") async for chunk in chunks])
    seconds = time.perf_counter() - started
    connection.close()
    assert count >= CHUNKS, count
    return 1000 * seconds / count


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="2 rounds of 5 seconds instead of 5 of 20")
    is_quick = arguments.parse_args().quick
    rounds, seconds = (2, 5) if is_quick else (5, 20)
    sides = {kind: Side(kind) for kind in ("gateway", "echo")}
    seen: dict[str, list[float]] = {kind: [] for kind in sides}
    chunk: dict[str, list[float]] = {kind: [] for kind in sides}
    try:
        for _ in range(rounds):
            for kind, side in sides.items():
                seen[kind] += asyncio.run(latencies(side.port, PER_SECOND * seconds))
                chunk[kind].append(asyncio.run(per_chunk(side.port)))
    finally:
        for side in sides.values():
            side.close()
    p50, p99 = (float(np.percentile(seen["gateway"], share)) for share in (50, 99))
    echo_p50, echo_p99 = (float(np.percentile(seen["echo"], share)) for share in (50, 99))
    added = float(np.median(chunk["gateway"]) - np.median(chunk["echo"]))
    publish(
        "serve_gateway",
        [
            Figure("gateway's own cost, p50", p50, "ms", "<= 2", p50 <= P50_GOAL),
            Figure("gateway's own cost, p99", p99, "ms", "<= 10", p99 <= P99_GOAL),
            Figure("bare ASGI echo, p50", echo_p50, "ms", "beside it", None),
            Figure("bare ASGI echo, p99", echo_p99, "ms", "beside it", None),
            Figure("gateway over echo, p50", p50 / echo_p50, "times", "<= 3", p50 / echo_p50 <= RATIO_GOAL),
            Figure("gateway over echo, p99", p99 / echo_p99, "times", "beside it", None),
            Figure("added to a chunk of a stream", added, "ms", "<= 1", added <= CHUNK_GOAL),
        ],
        {
            "is_quick": is_quick,
            "requests_per_second": PER_SECOND,
            "requests": len(seen["gateway"]),
            "chunks": CHUNKS,
            "chunk_ms": chunk,
        },
    )


if __name__ == "__main__":
    main()
