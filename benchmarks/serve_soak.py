"""The whole server for ten minutes under a steady mixture of requests: does anything grow?

The server runs as `ingot serve` does, with a real, very small model in a process of its own. Ten requests a second
come when they are due: whole answers and streams, some of whom hang up after their first chunk, some wrong, some for
what is not there. Every few seconds memory and descriptors of all processes are read, and how long answers took. A leak
shows as a slope: the line through the memory of everything after the first fifth, in which caches fill.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.http_client import Connection
from benchmarks.report import Figure, publish
from benchmarks.serve_load import Child
from ingot.flow.home import Home
from tests.infer.tiny_model import make_model
from tests.registry.made import add

PER_SECOND = 10
SLOPE_GOAL, DESCRIPTORS_GOAL, SLOWER_GOAL = 1.0, 0, 1.5
TEXT: dict[str, Any] = {"model": "acme", "prompt": "def f(", "max_tokens": 8}
CHAT: dict[str, Any] = {"model": "acme", "messages": [{"role": "user", "content": "Hi."}], "max_tokens": 8}


@dataclass(frozen=True)
class Sample:
    """What all processes of the server hold at a moment, and how long answers took since the last one.

    Of descriptors those that are no connections: callers decide how many of these there are.
    """

    second: float
    mib: float
    descriptors: int
    threads: int
    p99_ms: float


async def whole(connection: Connection, number: int) -> int:
    """Ask for an answer whose text is new."""
    status, _ = await connection.post("/v1/completions", {**TEXT, "prompt": f"def f{number}("})
    return status


async def stream(connection: Connection, number: int) -> int:
    """Read a stream to its end."""
    status, chunks = await connection.begin("/v1/chat/completions", {**CHAT, "stream": True})
    async for _ in chunks:
        pass
    return status


async def hung_up(connection: Connection, number: int) -> int:
    """Hang up after the first chunk of a stream."""
    status, chunks = await connection.begin("/v1/chat/completions", {**CHAT, "stream": True})
    await anext(chunks)
    connection.close()
    return status


async def wrong(connection: Connection, number: int) -> int:
    """Send what cannot be answered."""
    body = {**TEXT, "n": 10**9} if number % (2 * len(KINDS)) < len(KINDS) else {**TEXT, "model": f"no-{number}"}
    status, _ = await connection.post("/v1/completions", body)
    return status


KINDS: tuple[Callable[[Connection, int], Any], ...] = (whole, stream, whole, hung_up, stream, whole, wrong, whole)


class Load:
    """Requests that come when they are due, and how long they took."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Connection] = []
        self.outcomes: Counter[str] = Counter()
        self.milliseconds: list[float] = []

    async def run(self, seconds: float) -> None:
        """Ask until the time is over."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        asked: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            due = begin + number / PER_SECOND
            if due > begin + seconds:
                break
            await asyncio.sleep(due - loop.time())
            task = asyncio.create_task(self._ask(number))
            asked.add(task)
            task.add_done_callback(asked.discard)
        await asyncio.gather(*asked)

    async def _ask(self, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        connection = self._idle.pop() if self._idle else Connection(self._port)
        started = time.perf_counter()
        try:
            status = await kind(connection, number)
        except (OSError, EOFError) as error:  # a reset is a result, not the end of the run
            self.outcomes[f"{kind.__name__} {type(error).__name__}"] += 1
            connection.close()
            return
        self.outcomes[f"{kind.__name__} {status}"] += 1
        if kind is whole:
            self.milliseconds.append(1000 * (time.perf_counter() - started))
        self._idle.append(connection)


async def soaked(child: Child, seconds: float, every: float) -> tuple[list[Sample], Counter[str]]:
    """Keep a server busy; return what was seen of it."""
    load, samples, started = Load(child.port), [], time.monotonic()
    asking = asyncio.create_task(load.run(seconds))
    while not asking.done():
        await asyncio.wait([asking], timeout=every)
        taken, load.milliseconds = load.milliseconds, []
        if taken:
            samples.append(sample_of(child.process.pid, time.monotonic() - started, taken))
    await asking
    return samples, load.outcomes


def sample_of(process: int, second: float, milliseconds: list[float]) -> Sample:
    """Read what a server and the processes below it hold."""
    server = psutil.Process(process)
    tree = [server, *server.children(recursive=True)]
    return Sample(
        second=round(second, 1),
        mib=round(sum(one.memory_info().rss for one in tree) / 2**20, 2),
        descriptors=sum(one.num_fds() - len(one.net_connections("tcp")) for one in tree),
        threads=sum(one.num_threads() for one in tree),
        p99_ms=round(float(np.percentile(milliseconds, 99)), 2),
    )


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="one minute instead of ten")
    is_quick = arguments.parse_args().quick
    seconds, every = (60, 2) if is_quick else (600, 10)
    with tempfile.TemporaryDirectory() as folder:
        files = {path.name: path for path in make_model(Path(folder) / "tiny").iterdir()}
        home = Home(Path(folder) / "home")
        add(home, "acme", files=files, facts={"kind": "base", "engine": "torch"})
        child = Child("home", home.path)
        samples, outcomes = asyncio.run(soaked(child, seconds, every))
        status = child.end()
    warm = [one for one in samples if one.second > seconds / 5]
    third = max(1, len(warm) // 3)
    slope = 60 * float(np.polyfit([one.second for one in warm], [one.mib for one in warm], 1)[0])
    more = int(
        np.median([one.descriptors for one in warm[-third:]]) - np.median([one.descriptors for one in warm[:third]])
    )
    slower = float(np.median([one.p99_ms for one in warm[-third:]]) / np.median([one.p99_ms for one in warm[:third]]))
    expected = {"whole 200", "stream 200", "hung_up 200", "wrong 400", "wrong 404"}
    failed = sum(count for outcome, count in outcomes.items() if outcome not in expected)
    # A minute is too short to tell a slope from what is still being filled.
    figures = [
        Figure("memory, slope", slope, "MiB/min", "< 1", None if is_quick else slope < SLOPE_GOAL),
        Figure("descriptors, last third over first", more, "", "0", more <= DESCRIPTORS_GOAL),
        Figure(
            "p99 of answers, last third over first",
            slower,
            "times",
            "<= 1.5",
            None if is_quick else slower <= SLOWER_GOAL,
        ),
        Figure("requests", outcomes.total(), "", "beside it", None),
        Figure("failed requests", failed, "requests", "0", failed == 0),
        Figure("exit status after SIGTERM", status, "", "0", status == 0),
    ]
    details = {
        "is_quick": is_quick,
        "seconds": seconds,
        "requests_per_second": PER_SECOND,
        "outcomes": dict(outcomes),
        "samples": [asdict(one) for one in samples],
    }
    publish("serve_soak", figures, details)


if __name__ == "__main__":
    main()
