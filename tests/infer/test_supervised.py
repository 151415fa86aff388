"""An engine in a child of its own; the child is a real one, and really killed."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread, get_ident

import pytest

from ingot.core.errors import EngineLostError, IngotError, InputError
from ingot.infer.engine import Heard, build, greedy, open_engine
from ingot.infer.grammar import json_schema
from ingot.infer.sampling import GREEDY, SamplingParams
from ingot.infer.supervised import Engine
from tests.infer.tiny_model import CONTEXT

LONG = replace(GREEDY, max_tokens=CONTEXT - 8)


@pytest.fixture(scope="module")
def engine(model_folder: Path) -> Iterator[Engine]:
    engine = Engine("torch", model_folder, 1)
    yield engine
    engine.close()


def prompt(engine: Engine, text: str = "def visit(") -> list[int]:
    return [engine.codec.bos, *engine.codec.encode(text)]


def test_it_says_what_the_engine_inside_says(engine: Engine, model_folder: Path) -> None:
    inside = build("torch", model_folder)
    assert (engine.name, engine.context, engine.most_top_logprobs, engine.controls) == (
        *(inside.name, inside.context, inside.most_top_logprobs),
        inside.controls,
    )
    params = SamplingParams(max_tokens=9, temperature=1.0, seed=4, top_logprobs=3, logit_bias=((40, 1.5),))
    assert list(engine.generate(prompt(engine), params)) == list(inside.generate(prompt(engine), params))
    assert engine.tokenize("x") is None
    assert engine.stats() == inside.stats()


def test_a_grammar_crosses_over(engine: Engine) -> None:
    pytest.importorskip("llguidance")
    params = replace(GREEDY, grammar=json_schema({"enum": [17]}))
    assert "".join(token.text for token in engine.generate(prompt(engine), params)) == "17"


def test_a_refusal_comes_at_once_or_with_its_words(engine: Engine) -> None:
    with pytest.raises(InputError, match="empty"):
        engine.generate([], GREEDY)
    with pytest.raises(InputError, match="embeddings"):
        engine.embed([[1, 2]])


def test_several_answers_at_once(engine: Engine) -> None:
    texts = ["class A", "return", "import os"]
    alone = [greedy(engine, prompt(engine, text), 10) for text in texts]
    together: dict[int, list[int]] = {}

    def answer(number: int) -> None:
        together[number] = greedy(engine, prompt(engine, texts[number]), 10)

    threads = [Thread(target=answer, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[number] for number in range(3)] == alone


def test_tokens_are_pushed_to_who_listens(engine: Engine) -> None:
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    engine.listen(prompt(engine), replace(GREEDY, max_tokens=6), heard.put)
    tokens: list[int] = []
    while (item := heard.get(timeout=20)) is not None:
        assert not isinstance(item, IngotError)
        tokens += [token.id for token in item]
    assert tokens == greedy(engine, prompt(engine), 6)
    leave = engine.listen(prompt(engine), LONG, heard.put)
    assert heard.get(timeout=20)
    leave()
    assert wait_until(lambda: engine.stats().active == 0)
    with pytest.raises(InputError, match="empty"):
        engine.listen([], GREEDY, heard.put)


async def heard_here(engine: Engine, params: SamplingParams) -> tuple[list[Heard], set[int]]:
    """Listen on the running loop; return what was heard, and in which threads."""
    heard: list[Heard] = []
    threads: set[int] = set()
    is_over, loop = asyncio.Event(), asyncio.get_running_loop()

    def hear(item: Heard) -> None:
        heard.append(item)
        threads.add(get_ident())
        if item is None or isinstance(item, IngotError):
            loop.call_soon_threadsafe(is_over.set)

    engine.listen(prompt(engine), params, hear)
    assert not heard
    await asyncio.wait_for(is_over.wait(), 20)
    return heard, threads


def ids_of(heard: list[Heard]) -> list[int]:
    assert heard[-1] is None
    return [token.id for item in heard[:-1] if item is not None and not isinstance(item, IngotError) for token in item]


def test_who_listens_on_a_loop_hears_it_there(model_folder: Path) -> None:
    engine = Engine("torch", model_folder, 1)
    params = replace(GREEDY, max_tokens=6)
    expected = greedy(engine, prompt(engine), 6)

    async def scenario() -> None:
        await heard_here(engine, params)  # the keeper may have heard the beginning of this one
        heard, threads = await heard_here(engine, params)
        assert (ids_of(heard), threads) == (expected, {get_ident()})
        # Others are told as well, by the loop.
        assert await asyncio.to_thread(greedy, engine, prompt(engine), 6) == expected

    asyncio.run(scenario())
    assert greedy(engine, prompt(engine), 6) == expected  # by the keeper, once the loop is gone
    asyncio.run(scenario())  # and by another loop
    engine.close()


def test_a_loop_hears_of_a_dead_child_and_then_its_successor(model_folder: Path) -> None:
    engine = Engine("torch", model_folder, 1)
    params = replace(GREEDY, max_tokens=6)

    async def scenario() -> None:
        expected, _ = await heard_here(engine, params)
        first = engine.process_id
        assert first is not None
        lost: list[Heard] = []
        engine.listen(prompt(engine), LONG, lost.append)
        while not lost:
            await asyncio.sleep(0.001)
        os.kill(first, signal.SIGKILL)
        while not isinstance(lost[-1], EngineLostError):
            await asyncio.sleep(0.001)
        while engine.process_id in (None, first):
            await asyncio.sleep(0.01)
        for _ in range(2):
            heard, _ = await heard_here(engine, params)
            assert ids_of(heard) == ids_of(expected)
        engine.close()

    before = files_of("self")
    asyncio.run(scenario())
    assert files_of("self") <= before


def test_nobody_waits_for_a_child_that_takes_nothing(model_folder: Path) -> None:
    engine = Engine("torch", model_folder, 1)
    assert engine.process_id is not None
    os.kill(engine.process_id, signal.SIGSTOP)
    long = [engine.codec.bos] * (CONTEXT - 8)
    params = replace(GREEDY, max_tokens=2)
    heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()
    asked = 2000  # more bytes than lie in any socket
    for _ in range(asked):
        engine.listen(long, params, heard.put)
    assert len(engine._asked) == asked
    os.kill(engine.process_id, signal.SIGCONT)
    ends = 0
    while ends < 3:
        item = heard.get(timeout=20)
        assert not isinstance(item, IngotError)
        ends += item is None
    engine.close()


def files_of(process: int | str) -> int:
    return len(os.listdir(f"/proc/{process}/fd"))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not list descriptors")
def test_cancelling_leaks_nothing(engine: Engine) -> None:
    before = files_of("self"), files_of(engine.process_id or "self")
    for _ in range(200):
        stream = engine.generate(prompt(engine), LONG)
        next(iter(stream))
        stream.close()  # type: ignore[attr-defined] - a generator
    assert list(engine.generate(prompt(engine), LONG, stop=lambda: True)) == []
    assert wait_until(lambda: engine.stats().active == 0)
    assert (files_of("self"), files_of(engine.process_id or "self")) == before


def wait_until(holds: object, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():  # type: ignore[operator] - a function
            return True
        time.sleep(0.01)
    return False


def test_a_dead_child_costs_only_what_was_under_way(model_folder: Path) -> None:
    engine = Engine("torch", model_folder, 1)
    expected = greedy(engine, prompt(engine), 6)
    first = engine.process_id
    assert first is not None
    stream = iter(engine.generate(prompt(engine), LONG))
    next(stream)
    os.kill(first, signal.SIGSTOP)  # nothing more comes of it, and what is asked now waits unanswered
    waiting: list[list[int]] = []
    thread = Thread(target=lambda: waiting.append(greedy(engine, prompt(engine), 6)))
    thread.start()
    assert wait_until(lambda: len(engine._asked) == 2)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(EngineLostError, match="SIGKILL"):
        list(stream)
    thread.join()
    assert waiting == [expected]  # asked again of the next child, without the caller noticing
    assert engine.process_id not in (None, first)
    engine.close()
    with pytest.raises(EngineLostError, match="closed"):
        greedy(engine, prompt(engine), 2)


def test_a_model_that_cannot_be_opened_says_why(model_folder: Path, tmp_path: Path) -> None:
    for path in model_folder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).symlink_to(path)
    with pytest.raises(IngotError) as caught:
        open_engine(tmp_path, "torch", supervised=True)
    assert type(caught.value) is not EngineLostError


ORPHAN = """
import os, signal, sys
from pathlib import Path
from ingot.infer.supervised import Engine
engine = Engine("torch", Path(sys.argv[1]), 1)
print(engine.process_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_child_outlives_a_killed_parent(model_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(model_folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    child = int(done.stdout)
    assert wait_until(lambda: not is_running(child))


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{process}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
