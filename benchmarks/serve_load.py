"""The gateway under more load than it takes: refusals, cancels, new versions, the end, and a worker that is killed.

A paced engine (a fixed time a token) makes the server full for a known time; for versions and killed workers a real,
very small model is served from a home folder as `ingot serve` does it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.http_client import Connection
from benchmarks.report import Figure, publish
from ingot.flow.home import Home
from tests.infer.tiny_model import make_model
from tests.registry.made import add

CLIENTS = 64
CHAT: dict[str, Any] = {"model": "acme", "messages": [{"role": "user", "content": "a"}], "max_tokens": 20}
TEXT: dict[str, Any] = {"model": "acme", "prompt": "x", "max_tokens": 8}
_LOST = (OSError, EOFError, asyncio.IncompleteReadError)


class Child:
    """One server in its own process."""

    def __init__(self, kind: str, folder: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.load_child", kind, str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def end(self) -> int:
        """Send SIGTERM; return the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=60)


async def crowd(port: int, seconds: float) -> dict[str, Any]:
    """Let 64 clients ask again and again; return what they got, and how quick refusals and health were."""
    statuses: Counter[int] = Counter()
    refusals: list[float] = []
    health: list[float] = []
    torn = 0
    until = time.monotonic() + seconds

    async def ask() -> None:
        nonlocal torn
        connection = Connection(port)
        while time.monotonic() < until:
            started = time.perf_counter()
            status, body = await connection.post("/v1/chat/completions", CHAT)
            statuses[status] += 1
            if status == 429:
                refusals.append(1000 * (time.perf_counter() - started))
                await asyncio.sleep(0.1)
            elif b'"finish_reason":"length"' not in body:
                torn += 1
        connection.close()

    async def look() -> None:
        connection = Connection(port)
        while time.monotonic() < until:
            started = time.perf_counter()
            await connection.get("/healthz")
            health.append(time.perf_counter() - started)
            await asyncio.sleep(0.05)
        connection.close()

    await asyncio.gather(look(), *(ask() for _ in range(CLIENTS)))
    return {
        "statuses": dict(statuses),
        "accepted but not whole": torn,
        "refusal p99 ms": float(np.percentile(refusals, 99)),
        "health worst s": max(health),
    }


async def cancels(port: int, process: int, count: int) -> dict[str, float]:
    """Hang up `count` streams after their first chunk; return when the last slot was free, and what stayed behind."""
    server = psutil.Process(process)

    async def hang_up() -> None:
        connection = Connection(port)
        with suppress(*_LOST):
            _, chunks = await connection.begin("/v1/chat/completions", {**CHAT, "stream": True, "max_tokens": 2000})
            await anext(chunks)
        connection.close()

    for _ in range(20):
        await hang_up()
    before = (server.num_fds(), server.memory_info().rss)
    for _ in range(0, count, 4):
        await asyncio.gather(*(hang_up() for _ in range(4)))
    started = time.monotonic()
    connection = Connection(port)
    while b'"active":0' not in (await connection.get("/healthz"))[1]:
        await asyncio.sleep(0.01)
    seconds = time.monotonic() - started
    connection.close()
    await asyncio.sleep(0.2)
    after = (server.num_fds(), server.memory_info().rss)
    return {"free s": seconds, "descriptors": after[0] - before[0], "MiB": (after[1] - before[1]) / 2**20}


async def steady(port: int, ended: asyncio.Event, clients: int = 8) -> Counter[str]:
    """Ask until told to end; return how often each outcome came."""
    seen: Counter[str] = Counter()

    async def ask() -> None:
        connection = Connection(port)
        while not ended.is_set():
            try:
                status, _ = await connection.post("/v1/completions", TEXT)
                seen[str(status)] += 1
                if status != 200:
                    await asyncio.sleep(0.02)
            except ConnectionRefusedError:
                return  # the server has ended and closed its door
            except _LOST:
                seen["reset"] += 1
                connection.close()
        connection.close()

    await asyncio.gather(*(ask() for _ in range(clients)))
    return seen


async def swaps(child: Child, home: Home, files: dict[str, Path], count: int) -> tuple[Counter[str], int]:
    """Put new versions into the home while clients ask; return their outcomes, and the versions that were served."""
    ended = asyncio.Event()
    asking = asyncio.create_task(steady(child.port, ended))
    connection = Connection(child.port)
    served = 0
    for version in range(2, count + 2):
        await asyncio.to_thread(add, home, "acme", files=files, facts={"kind": "base", "engine": "torch"})
        until = time.monotonic() + 120
        while time.monotonic() < until:
            _, body = await connection.get("/v1/models")
            if f"acme@{version}".encode() in body:
                served += 1
                break
            await asyncio.sleep(0.1)
    connection.close()
    ended.set()
    return await asking, served


async def killed_worker(child: Child) -> float:
    """Kill the engine's process; return the seconds until an answer comes again."""
    workers = psutil.Process(child.process.pid).children(recursive=True)
    os.kill(max(workers, key=lambda one: one.memory_info().rss).pid, signal.SIGKILL)
    started = time.monotonic()
    connection = Connection(child.port)
    while time.monotonic() - started < 60:
        with suppress(*_LOST):
            status, _ = await connection.post("/v1/completions", TEXT)
            if status == 200:
                break
        await asyncio.sleep(0.05)
    connection.close()
    return time.monotonic() - started


async def the_end(child: Child) -> tuple[Counter[str], int]:
    """Send SIGTERM while clients ask; return their outcomes and the exit status."""
    ended = asyncio.Event()
    asking = asyncio.create_task(steady(child.port, ended))
    await asyncio.sleep(1.0)
    status = await asyncio.to_thread(child.end)
    ended.set()
    return await asking, status


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="5 seconds, 100 cancels, 2 versions")
    is_quick = arguments.parse_args().quick
    seconds, cancelled, versions = (5, 100, 2) if is_quick else (60, 1000, 20)
    with tempfile.TemporaryDirectory() as folder:
        child = Child("paced", Path(folder) / "paced")
        crowded = asyncio.run(crowd(child.port, seconds))
        left = asyncio.run(cancels(child.port, child.process.pid, cancelled))
        child.end()
        files = {path.name: path for path in make_model(Path(folder) / "tiny").iterdir()}
        home = Home(Path(folder) / "home")
        add(home, "acme", files=files, facts={"kind": "base", "engine": "torch"})
        child = Child("home", home.path)
        swapped, served = asyncio.run(swaps(child, home, files, versions))
        respawn = asyncio.run(killed_worker(child))
        ended, status = asyncio.run(the_end(child))
    others = sum(count for code, count in crowded["statuses"].items() if code not in (200, 429))
    failed = sum(count for outcome, count in swapped.items() if outcome != "200")
    unclean = sum(count for outcome, count in ended.items() if outcome not in ("200", "503"))
    figures = [
        Figure("64 clients at capacity 4: other than 200 or 429", others, "answers", "0", others == 0),
        Figure("accepted and not answered", crowded["accepted but not whole"], "answers", "0", None),
        Figure("refusal, p99", crowded["refusal p99 ms"], "ms", "< 100", crowded["refusal p99 ms"] < 100),
        Figure("health, worst", crowded["health worst s"], "s", "< 1", crowded["health worst s"] < 1),
        Figure(f"{cancelled} cancels: last slot free after", left["free s"], "s", "< 1", left["free s"] < 1),
        Figure("descriptors left behind", left["descriptors"], "", "0", left["descriptors"] <= 0),
        Figure("memory left behind", left["MiB"], "MiB", "beside it", None),
        Figure(f"{versions} new versions under load: served", served, "versions", f"{versions}", served == versions),
        Figure("failed requests meanwhile", failed, "requests", "0", failed == 0),
        Figure("SIGTERM under load: resets and failures", unclean, "requests", "0", unclean == 0),
        Figure("exit status after SIGTERM", status, "", "0", status == 0),
        Figure("worker killed: answers again after", respawn, "s", "<= 5", respawn <= 5),
    ]
    details = {"is_quick": is_quick, "crowd": crowded, "swaps": dict(swapped), "end": dict(ended), "cancels": left}
    publish("serve_load", figures, details)


if __name__ == "__main__":
    main()
