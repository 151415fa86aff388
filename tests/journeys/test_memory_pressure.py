"""A server whose processes may have only so much memory: more requests wait or are sent away, and none is lost.

The limit is that of `setrlimit` on data (RLIMIT_DATA), which needs no rights: beyond it an allocation fails, where a
control group would have the kernel end the process. Limits of control groups are read in tests/core/test_memory_limit.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from ingot.flow.home import Home
from tests.infer.tiny_model import make_model, make_variant
from tests.registry.made import add

CLIENTS, ASKS = 48, 2  # more at once than a server lets in
CONTEXT = 512
# Caches far larger than what fills them: 131 kB a token, so that a request of 400 tokens holds 52 MB.
SIZES = {"layers": 2, "heads": 32, "kv_heads": 32, "head_width": 256, "width": 32, "context": CONTEXT}
LIMIT_BYTES = 560 << 20  # for each process; an idle one has 205 MiB (the engine) or 315 MiB of that


@pytest.fixture
def home(tmp_path: Path) -> Home:
    model = make_variant(make_model(tmp_path / "tiny"), tmp_path / "wide", **SIZES)
    home = Home(tmp_path / "home")
    add(home, "acme", files={path.name: path for path in model.iterdir()}, facts={"kind": "base"})
    return home


@pytest.fixture
def server(home: Home) -> Iterator[tuple[str, psutil.Process]]:
    """Yield the address of a server under the limit, and its process."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))

    environment = {**os.environ, "INGOT_HOME": str(home.path), "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, "-m", "ingot.cli.main", "serve", "acme", "--port", "0", "--engine", "torch", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=limited)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())["address"], psutil.Process(process.pid)
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.slow
def test_long_prompts_under_a_limit_are_answered_or_sent_away(server: tuple[str, psutil.Process]) -> None:
    address, process = server
    (engine,) = process.children()
    statuses: Counter[int] = Counter()
    without_hint: list[httpx.Response] = []

    def ask(number: int) -> None:
        with httpx.Client(timeout=120) as client:
            answered = 0
            while answered < ASKS:
                # Each is another text: nothing of one is known when the next is read.
                prompt = f"{number} {answered} " + "def visit(node): " * (12 + number % 4 * 6)
                body = {"model": "acme", "prompt": prompt, "max_tokens": 8}
                answer = client.post(f"{address}/completions", json=body)
                statuses[answer.status_code] += 1
                answered += answer.status_code != 429
                if answer.status_code == 429:
                    if "retry-after" not in answer.headers:
                        without_hint.append(answer)
                    time.sleep(0.25)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 429}
    assert statuses[200] == CLIENTS * ASKS
    assert not without_hint
    assert process.children() == [engine]  # nobody was ended, and nothing was started anew
    assert httpx.get(address.removesuffix("/v1") + "/readyz").status_code == 200
