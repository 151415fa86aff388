"""The sandbox loses one item at most, whatever that item does, and keeps the order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.core.confinement import Limits
from ingot.core.errors import StepError
from ingot.core.sandbox import Failure, Finished, Result, Sandbox

HOSTILE = """
import ctypes, itertools, os, socket, sys, time
from ingot.core.errors import InputError

def act(item):
    name, *arguments = item
    yield from ACTS[name](*arguments)

def count(n):
    return [f"{n}:{i}" for i in range(n)]

def slow(seconds, value):
    time.sleep(seconds)
    yield value

def crash_after(n):
    yield from range(n)
    ctypes.string_at(0)

def hog():
    held = [bytearray(1 << 26) for _ in range(1000)]
    yield len(held)

def native_hog():
    sys.stderr.write("memory allocation of 9 bytes failed")
    sys.stderr.flush()
    os.abort()

def connect(address):
    socket.create_connection((address, 9), timeout=1)
    yield "connected"

def raw_connect():
    # Past the audit hook, as native code would: straight to the system call.
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.socket(2, 1, 0)
    address = (2).to_bytes(2, sys.byteorder) + (9).to_bytes(2, "big") + bytes([192, 0, 2, 1]) + bytes(8)
    libc.connect(descriptor, address, 16)
    yield os.strerror(ctypes.get_errno())

def refuse():
    raise InputError("it is odd", why="because", fix="even it out")
    yield

def write_file(path, size):
    with open(path, "wb") as file:
        file.write(bytes(size))
    yield size

def environment():
    yield dict(os.environ)

def half_frame(descriptor_limit):
    # Announce a long answer, and then say nothing more.
    for descriptor in range(3, descriptor_limit):
        try:
            os.write(descriptor, b"r" + (1 << 20).to_bytes(4, "big") + b'"')
        except OSError:
            pass
    time.sleep(60)
    yield

ACTS = {
    "count": count, "slow": slow, "exit": lambda: os._exit(3), "segfault": lambda: crash_after(0),
    "crash_after": crash_after, "hang": lambda: slow(600, 0), "hog": hog, "native_hog": native_hog, "connect": connect,
    "raw_connect": raw_connect, "refuse": refuse, "endless": lambda: itertools.repeat("x" * 1000),
    "large": lambda n: ["x" * n], "not_json": lambda: [object()], "surrogate": lambda: ["\\ud800"],
    "write": write_file, "pid": lambda: [os.getpid()], "environment": environment, "half_frame": half_frame,
    "sleep_in_c": lambda: ctypes.PyDLL(None).sleep(600),
}
"""


@pytest.fixture(autouse=True)
def _hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hostile_acts.py").write_text(HOSTILE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def run(items: list[list[Any]], workers: int = 2, **limits: Any) -> dict[int, tuple[list[Any], Failure | None]]:
    """Return results and failure by item, after checking that everything came in order and was closed once."""
    with Sandbox("hostile_acts:act", workers=workers, limits=Limits(**limits)) as sandbox:
        words = list(sandbox.map(items))
    assert [word.index for word in words] == sorted(word.index for word in words)
    assert [word.index for word in words if isinstance(word, Finished)] == list(range(len(items)))
    results: dict[int, list[Any]] = {index: [] for index in range(len(items))}
    for word in words:
        if isinstance(word, Result):
            results[word.index].append(word.value)
    return {word.index: (results[word.index], word.failure) for word in words if isinstance(word, Finished)}


def test_results_come_in_the_order_of_the_items() -> None:
    items = [["slow", 0.2 if number % 5 == 0 else 0, number] for number in range(12)]
    assert run(items, workers=3) == {number: ([number], None) for number in range(12)}


@pytest.mark.parametrize(
    ("act", "kind", "said"),
    [
        (["segfault"], "crash", "SIGSEGV"),
        (["exit"], "crash", "exit code 3"),
        (["hog"], "memory", "more memory"),
        (["native_hog"], "memory", "more memory"),
        (["not_json"], "error", "TypeError"),
        (["surrogate"], "error", "UnicodeEncodeError"),
        (["refuse"], "error", "it is odd"),
        (["large", 3 << 20], "output", "more text than"),
        (["endless"], "output", "more text than"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_only_the_bad_item_is_lost(act: list[Any], kind: str, said: str) -> None:
    # One worker: the items behind the bad one were already in its queue.
    items = [["count", 1], act, ["count", 2], ["count", 3]]
    found = run(items, workers=1, memory_bytes=1 << 30, result_bytes=2 << 20, output_bytes=4 << 20)
    failure = found.pop(1)[1]
    assert failure is not None
    assert failure.kind == kind
    assert said in failure.what
    assert found == {0: (["1:0"], None), 2: (["2:0", "2:1"], None), 3: (["3:0", "3:1", "3:2"], None)}


@pytest.mark.parametrize("act", [["hang"], ["sleep_in_c"], ["half_frame", 20]], ids=lambda act: act[0])
def test_silence_has_a_limit(act: list[Any]) -> None:
    found = run([["count", 1], act, ["count", 1]], workers=1, timeout_seconds=0.5)
    failure = found.pop(1)[1]
    assert failure is not None
    assert failure.kind == "timeout"
    assert found == {0: (["1:0"], None), 2: (["1:0"], None)}


def test_an_item_that_keeps_speaking_may_take_longer_than_the_limit() -> None:
    with Sandbox("hostile_acts:act", workers=1, limits=Limits(timeout_seconds=0.6)) as sandbox:
        words = list(sandbox.map([["slow", 0.3, 1], ["slow", 0.3, 2], ["slow", 0.3, 3]]))
    assert [word.value for word in words if isinstance(word, Result)] == [1, 2, 3]


def test_what_came_before_a_crash_is_kept() -> None:
    results, failure = run([["crash_after", 3]])[0]
    assert results == [0, 1, 2]
    assert failure is not None
    assert failure.kind == "crash"


def test_errors_keep_their_words() -> None:
    failure = run([["refuse"]])[0][1]
    assert failure == Failure("error", "it is odd", "because", "even it out")


def test_a_slow_first_item_holds_nothing_up_forever() -> None:
    # More than may be held back waits behind the first item; all of it must still come, in order.
    items = [["slow", 0.5, "first"], *([["large", 1 << 20]] * 90)]
    found = run(items, workers=2)
    assert found[0] == (["first"], None)
    assert all(len(results[0]) == 1 << 20 and failure is None for results, failure in list(found.values())[1:])


def test_there_is_no_network() -> None:
    found = run([["connect", "127.0.0.1"], ["connect", "localhost"]])
    for results, failure in found.values():
        assert results == []
        assert failure is not None
        assert "no network" in failure.what


def test_native_code_has_no_network_where_the_system_can_take_it_away() -> None:
    with Sandbox("hostile_acts:act", workers=1) as sandbox:
        (result, _) = sandbox.map([["raw_connect"]])
        if "no network" in sandbox.missing_layers:
            return  # said, which is what the caller is promised
    assert isinstance(result, Result)
    assert result.value == "Network is unreachable"


def test_missing_layers_are_known_layers() -> None:
    with Sandbox("hostile_acts:act", workers=1) as sandbox:
        list(sandbox.map([["count", 1]]))
        known = {"dies with its parent", "no network", "no new privileges", "memory limit"}
        assert set(sandbox.missing_layers) <= known


def test_files_have_a_limit(tmp_path: Path) -> None:
    items = [["write", str(tmp_path / "small"), 1000], ["write", str(tmp_path / "large"), 10_000_000]]
    found = run(items, file_bytes=1_000_000)
    assert found[0] == ([1000], None)
    assert found[1][1] is not None
    assert (tmp_path / "large").stat().st_size <= 1_000_000


def test_secrets_of_the_environment_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_TOKEN", "very secret")
    results, _ = run([["environment"]])[0]
    assert "very secret" not in json.dumps(results)


def test_items_may_be_large_and_many() -> None:
    items = [["count", 1] for _ in range(300)]
    assert all(failure is None for _, failure in run(items, workers=3).values())
    big = [["slow", 0, "y" * 300_000] for _ in range(8)]
    assert [len(results[0]) for results, _ in run(big, workers=2).values()] == [300_000] * 8


def test_a_sandbox_can_be_used_again_after_being_left_half_way() -> None:
    with Sandbox("hostile_acts:act", workers=2) as sandbox:
        first = sandbox.map([["count", 3] for _ in range(20)])
        assert next(first) == Result(0, "3:0")
        words = list(sandbox.map([["count", 1]]))
    assert words == [Result(0, "1:0"), Finished(0, None)]


def test_nothing_to_do_starts_nothing() -> None:
    with Sandbox("no.such.module:function", workers=2) as sandbox:
        assert list(sandbox.map([])) == []


def test_a_function_that_does_not_exist_is_an_error_at_once() -> None:
    with Sandbox("hostile_acts:no_such_function", workers=1) as sandbox, pytest.raises(StepError, match="cannot start"):
        list(sandbox.map([["count", 1]]))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_until_gone(pid: int) -> bool:
    for _ in range(200):
        if not _is_alive(pid):
            return True
        time.sleep(0.02)
    return False


def test_closing_ends_the_children() -> None:
    with Sandbox("hostile_acts:act", workers=1) as sandbox:
        (result, _) = sandbox.map([["pid"]])
        assert isinstance(result, Result)
        assert _is_alive(result.value)
    assert not _is_alive(result.value)


@pytest.fixture
def orphanage(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A parent whose only child is busy; it prints the child's number."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import sys; sys.path[:0] = [sys.argv[1], sys.argv[2]]\n"
        "from ingot.core.sandbox import Sandbox\n"
        "words = Sandbox('hostile_acts:act', workers=1).map([['pid'], ['hang']])\n"
        "print(next(words).value, flush=True)\n"
        "list(words)\n",
        encoding="utf-8",
    )
    source = Path(__file__).parents[2] / "src"
    command = [sys.executable, str(script), str(tmp_path), str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        yield parent
        parent.kill()


def test_children_die_with_a_killed_parent(orphanage: subprocess.Popen[str]) -> None:
    assert orphanage.stdout is not None
    child = int(orphanage.stdout.readline())
    assert _is_alive(child)
    orphanage.send_signal(signal.SIGKILL)
    orphanage.wait()
    assert _wait_until_gone(child)
