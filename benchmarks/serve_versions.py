"""Versions that share a name, under load: how soon a promotion and a rollback take effect, what a canary gets, and
whether anybody notices a shadow.

A very small model is served from a home folder as `ingot serve` does it, each version in a process of its own. What
answers is read from every answer. The shadow is compared with none in turns, so that other work meets both.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.http_client import Connection
from benchmarks.report import Figure, publish
from benchmarks.serve_load import Child
from ingot.flow.home import Home
from ingot.registry.release import Canary
from ingot.registry.releasing import Releasing
from tests.infer.tiny_model import make_model
from tests.registry.made import add

CLIENTS = 4
SHARE = 0.1
PAUSE_SECONDS = 0.1  # between two requests of the one client whose waits are measured


def chat(opening: str, turn: int = 0) -> dict[str, Any]:
    """Return a request of a conversation that begins with these words."""
    later = [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]
    messages = [{"role": "user", "content": opening}, *later * turn]
    return {"model": "acme", "messages": messages, "max_tokens": 4, "temperature": 0}


async def version_of(connection: Connection, body: dict[str, Any]) -> tuple[int, str]:
    """Ask; return the status and the version that answered."""
    status, answer = await connection.post("/v1/chat/completions", body)
    return status, json.loads(answer).get("system_fingerprint", "").partition("/")[0]


async def swaps(port: int, releasing: Releasing, count: int) -> tuple[list[float], Counter[str]]:
    """Promote and roll back in turn while clients ask; return the seconds until each was seen, and all outcomes."""
    ended, seen = asyncio.Event(), Counter[str]()

    async def ask(number: int) -> None:
        connection = Connection(port)
        while not ended.is_set():
            status, version = await version_of(connection, chat(f"{number}"))
            seen[version if status == 200 else str(status)] += 1
        connection.close()

    asking = [asyncio.create_task(ask(number)) for number in range(CLIENTS)]
    took = []
    changes: list[tuple[Callable[[], object], str]] = [
        (lambda: releasing.promote("acme", "acme@2"), "acme@2"),
        (lambda: releasing.rollback("acme"), "acme@1"),
    ]
    for number in range(count):
        change, expected = changes[number % 2]
        before, started = seen[expected], time.monotonic()
        change()
        while seen[expected] == before:
            await asyncio.sleep(0.005)
        took.append(time.monotonic() - started)
    ended.set()
    await asyncio.gather(*asking)
    return took, seen


async def conversations(port: int, count: int) -> tuple[float, int]:
    """Hold conversations of two turns; return the share that the canary got, and how many changed their version."""
    got = Counter[str]()
    changed = 0
    numbers = iter(range(count))

    async def hold() -> None:
        nonlocal changed
        connection = Connection(port)
        for number in numbers:
            first, second = [await version_of(connection, chat(f"{number}", turn)) for turn in (0, 1)]
            got[first[1]] += 1
            changed += first != second
        connection.close()

    await asyncio.gather(*(hold() for _ in range(CLIENTS)))
    return got["acme@2"] / count, changed


async def waits(port: int, releasing: Releasing, seconds: float, blocks: int) -> dict[str, list[float]]:
    """Ask now and then, in turns with a shadow and without; return what each request took, in milliseconds."""
    took: dict[str, list[float]] = {"without": [], "with": []}
    releasing.canary("acme", Canary("acme@2", 1e-6))  # keeps it open, so that it listens at once and ends at once
    for block in range(2 * blocks):
        kind = ("without", "with")[block % 2]
        if block:
            releasing.shadow("acme", "acme@2" if kind == "with" else None)
        await until_listening(port, kind == "with")
        connection, until = Connection(port), time.monotonic() + seconds
        while time.monotonic() < until:
            started = time.perf_counter()
            await version_of(connection, chat("Hello", 1))
            took[kind].append(1000 * (time.perf_counter() - started))
            await asyncio.sleep(PAUSE_SECONDS)
        connection.close()
    return took


async def until_listening(port: int, is_wanted: bool) -> None:
    """Wait until a shadow is open, or gone: to open one takes processor time of its own."""
    connection = Connection(port)
    while (b'role="shadow"' in (await connection.get("/metrics"))[1]) != is_wanted:
        await asyncio.sleep(0.05)
    connection.close()
    await asyncio.sleep(0.3)


async def shadows(port: int) -> dict[str, float]:
    """Return how requests for a shadow ended."""
    connection = Connection(port)
    text = (await connection.get("/metrics"))[1].decode()
    connection.close()
    lines = [line for line in text.splitlines() if line.startswith("ingot_shadow_answers_total")]
    return {line.partition('outcome="')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


async def opened(port: int, releasing: Releasing) -> float:
    """Promote a version that is not open; return the seconds until it answers."""
    started = time.monotonic()
    releasing.promote("acme", "acme@2")
    connection = Connection(port)
    while (await version_of(connection, chat("x")))[1] != "acme@2":
        await asyncio.sleep(0.05)
    connection.close()
    releasing.rollback("acme")
    return time.monotonic() - started


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="6 swaps, 200 conversations, 8 turns of 2 seconds")
    is_quick = arguments.parse_args().quick
    count, talks, seconds, blocks = (6, 200, 2, 4) if is_quick else (20, 2000, 2, 40)
    with tempfile.TemporaryDirectory() as folder:
        files = {path.name: path for path in make_model(Path(folder) / "tiny").iterdir()}
        home = Home(Path(folder) / "home")
        for _ in range(2):
            add(home, "acme", files=files, facts={"kind": "base", "engine": "torch"})
        releasing = Releasing(home, "benchmark")
        releasing.promote("acme", "acme@1")
        child = Child("home", home.path)
        cold = asyncio.run(opened(child.port, releasing))
        took, seen = asyncio.run(swaps(child.port, releasing, count))
        releasing.canary("acme", Canary("acme@2", SHARE))
        time.sleep(1.0)
        share, changed = asyncio.run(conversations(child.port, talks))
        releasing.rollback("acme")
        asked = asyncio.run(waits(child.port, releasing, seconds, blocks))
        ended = asyncio.run(shadows(child.port))
        child.end()
    failed = sum(outcomes for version, outcomes in seen.items() if not version.startswith("acme@"))
    off = 4 * (SHARE * (1 - SHARE) / talks) ** 0.5  # four standard deviations
    middle = {kind: float(np.median(values)) for kind, values in asked.items()}
    late = {kind: float(np.percentile(values, 99)) for kind, values in asked.items()}
    figures = [
        Figure("a version that is not open answers after", cold, "s", "beside it", None),
        Figure(
            f"{count} promotions and rollbacks between open versions, slowest", max(took), "s", "< 1", max(took) < 1
        ),
        Figure("failed requests meanwhile", failed, "requests", "0", failed == 0),
        Figure(
            f"canary of {SHARE:.0%}: share of {talks} conversations",
            100 * share,
            "%",
            f"{100 * SHARE:g} ± {100 * off:.1f}",
            abs(share - SHARE) < off,
        ),
        Figure("conversations that changed their version", changed, "conversations", "0", changed == 0),
        Figure("a request without a shadow, median", middle["without"], "ms", "beside it", None),
        Figure(
            "a request with a shadow, median",
            middle["with"],
            "ms",
            "<= 1.05x",
            middle["with"] <= 1.05 * middle["without"],
        ),
        Figure("a request without a shadow, p99", late["without"], "ms", "beside it", None),
        Figure("a request with a shadow, p99", late["with"], "ms", "beside it", None),
    ]
    details = {"is_quick": is_quick, "swaps s": took, "answers": dict(seen), "waits ms": asked, "shadow": ended}
    publish("serve_versions", figures, details)


if __name__ == "__main__":
    main()
