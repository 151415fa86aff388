"""The sandbox loses one item at most, whatever that item does, and keeps the order."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ingot.core.confinement import Limits
from ingot.core.errors import StepError
from ingot.core.sandbox import Failure, Finished, Result, Sandbox, missing_layers

# The numbers of descriptors grow with what the tests before left open.
MOST_DESCRIPTORS = 512
HOSTILE = """
import ctypes, itertools, os, socket, sys, time
from ingot.core.errors import InputError

def act(item, *streams):
    name, *arguments = item
    yield from ACTS[name](*arguments, *streams)

def count(n):
    return [f"{n}:{i}" for i in range(n)]

def slow(seconds, value):
    time.sleep(seconds)
    yield value

def slow_parts(seconds, value, n):
    for _ in range(n):
        time.sleep(seconds)
        yield value

def crash_after(n):
    yield from range(n)
    ctypes.string_at(0)

def hog(size):
    yield len(bytearray(size))

HELD = []

def hoard(size):
    HELD.append(bytearray(size))
    yield len(HELD)

def native_hog():
    sys.stderr.write("memory allocation of 9 bytes failed")
    sys.stderr.flush()
    os.abort()

def spin():
    while True:
        pass
    yield

def drip():
    while True:
        time.sleep(0.02)
        yield "."

def connect(address):
    socket.create_connection((address, 9), timeout=1)
    yield "connected"

def call(name, *arguments):
    # Past the audit hook, as native code would: straight to the system call.
    libc = ctypes.CDLL(None, use_errno=True)
    converted = [a.encode() if isinstance(a, str) else a for a in arguments]
    answer = getattr(libc, name)(*converted)
    yield "done" if answer >= 0 else os.strerror(ctypes.get_errno())

def read_file(path):
    with open(path, "rb") as file:
        yield file.read(100).decode("latin-1")

def stream_text(stream):
    yield stream.read().decode("latin-1")

def unpickle():
    import io, pickle
    payload = b"cposix\\nsystem\\n(S'true'\\ntR."
    yield pickle.load(io.BytesIO(payload))

def pid_then(seconds, value):
    yield os.getpid()
    time.sleep(seconds)
    yield value

def threads(n):
    import threading
    held = [threading.Thread(target=time.sleep, args=(0.1,)) for _ in range(n)]
    for thread in held:
        thread.start()
    yield n

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

def garbage(descriptor_limit):
    for descriptor in range(1, descriptor_limit):
        try:
            os.write(descriptor, b"garbage" * 100)
        except OSError:
            pass
    yield 1

ACTS = {
    "call": call, "connect": connect, "count": count, "crash_after": crash_after, "drip": drip,
    "endless": lambda: itertools.repeat("x" * 1000), "environment": environment,
    "exec": lambda: [os.execv("/bin/true", ["true"])], "exit": lambda: os._exit(3), "fork": lambda: [os.fork()],
    "garbage": garbage, "half_frame": half_frame, "hang": lambda: slow(600, 0), "hoard": hoard, "hog": hog,
    "large": lambda n: ["x" * n], "native_hog": native_hog, "not_json": lambda: [object()],
    "pid": lambda: [os.getpid()], "pid_then": pid_then, "read": read_file, "refuse": refuse,
    "segfault": lambda: crash_after(0),
    "sleep_in_c": lambda: ctypes.PyDLL(None).sleep(600), "slow": slow, "slow_parts": slow_parts, "spin": spin,
    "stream": stream_text, "surrogate": lambda: ["\\ud800"], "threads": threads, "unpickle": unpickle,
    "write": write_file,
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
    return by_item(items, words)


def by_item(items: list[list[Any]], words: list[Result | Finished]) -> dict[int, tuple[list[Any], Failure | None]]:
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
        (["hog", 8 << 30], "memory", "more memory"),
        (["garbage", MOST_DESCRIPTORS], "crash", "unreadable"),
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
    found = run(items, workers=1, result_bytes=2 << 20, output_bytes=4 << 20)
    failure = found.pop(1)[1]
    assert failure is not None
    assert failure.kind == kind
    assert said in failure.what
    assert found == {0: (["1:0"], None), 2: (["2:0", "2:1"], None), 3: (["3:0", "3:1", "3:2"], None)}


@pytest.mark.parametrize(
    "act", [["hang"], ["sleep_in_c"], ["half_frame", MOST_DESCRIPTORS], ["spin"], ["drip"]], ids=lambda a: a[0]
)
def test_silence_has_a_limit(act: list[Any]) -> None:
    found = run([["count", 1], act, ["count", 1]], workers=1, timeout_seconds=0.5)
    failure = found.pop(1)[1]
    assert failure is not None
    assert failure.kind == "timeout"
    assert found == {0: (["1:0"], None), 2: (["1:0"], None)}


def test_an_item_that_gives_much_may_take_longer_than_the_limit() -> None:
    sizeable = "x" * 64_000  # pays back a second
    with Sandbox("hostile_acts:act", workers=1, limits=Limits(timeout_seconds=0.6)) as sandbox:
        words = list(sandbox.map([["slow_parts", 0.3, sizeable, 4]]))
    assert [word.value for word in words if isinstance(word, Result)] == [sizeable] * 4
    assert words[-1] == Finished(0, None)


def test_what_came_before_a_crash_is_kept_once_though_it_is_tried_twice() -> None:
    results, failure = run([["count", 1], ["crash_after", 3]], workers=1)[1]
    assert results == [0, 1, 2]
    assert failure is not None
    assert failure.kind == "crash"


def test_an_item_that_fails_for_what_an_earlier_one_left_behind_is_tried_again() -> None:
    size = 300 << 20
    found = run([["hoard", size], ["hoard", size], ["hoard", size]], workers=1, memory_bytes=900 << 20)
    assert [failure for _, failure in found.values()] == [None, None, None]
    assert 1 in [count for results, _ in list(found.values())[1:] for count in results]  # in a new process


def test_an_item_whose_process_is_killed_from_outside_is_tried_again_and_gives_nothing_twice() -> None:
    items = [["pid_then", 0.3, "last"], ["count", 1]]
    words: list[Result | Finished] = []
    with Sandbox("hostile_acts:act", workers=1) as sandbox:
        for word in sandbox.map(items):
            words.append(word)
            if len(words) == 1 and isinstance(word, Result):
                os.kill(word.value, signal.SIGKILL)
    found = by_item(items, words)
    assert found[0][0][1:] == ["last"]
    assert found[0][1] is None
    assert found[1] == (["1:0"], None)


def test_an_item_whose_processes_are_killed_twice_is_given_up() -> None:
    items = [["hang"], ["count", 1]]
    with Sandbox("hostile_acts:act", workers=1) as sandbox:
        words = sandbox.map(items)
        killer = threading.Thread(target=_kill_children, args=(2,))
        killer.start()
        found = by_item(items, list(words))
        killer.join()
    failure = found[0][1]
    assert failure is not None
    assert failure.kind == "memory"
    assert "ended the process" in failure.why
    assert found[1] == (["1:0"], None)


def _kill_children(times: int) -> None:
    """Kill the child of this process that has the sandbox's work, as often as said, once each has begun."""
    killed: set[int] = set()
    while len(killed) < times:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if child.pid not in killed and child.num_threads() > 1:  # its reader runs: it has its items
                    killed.add(child.pid)
                    time.sleep(0.3)
                    child.kill()
        time.sleep(0.02)


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


def is_lacking(layer: str) -> bool:
    """Say that this system has no such layer; the sandbox said so too, which is what the caller is promised."""
    return layer in missing_layers()


@pytest.mark.parametrize(
    "call",
    [
        ["socket", 2, 1, 0],
        ["socket", 1, 1, 0],
        ["fork"],
        ["execv", "/bin/true", None],
        ["kill", 1, 0],
        ["kill", -1, 0],
        ["ptrace", 16, 1, 0, 0],
        ["mount", "none", "/tmp", "tmpfs", 0, None],
        ["unshare", 0x00020000],
        ["unlink", "/nowhere"],
        ["open", "/dev/null", os.O_WRONLY],
        ["memfd_create", "x", 0],
        ["prctl", 1, 0, 0, 0, 0],
    ],
    ids=lambda call: f"{call[0]}-{call[1] if call[1:] else ''}",
)
def test_native_code_may_not_make_these_calls(call: list[Any]) -> None:
    results, failure = run([["call", *call]])[0]
    assert failure is None
    assert is_lacking("system call filter") or results[0] in ("Operation not permitted", "Permission denied")


def test_native_code_reads_nothing_but_libraries(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("canary", encoding="utf-8")
    asked = [str(secret), "/etc/passwd", "/etc/shadow", f"/proc/{os.getpid()}/environ", "/"]
    for results, failure in run([["call", "open", path, os.O_RDONLY] for path in asked]).values():
        assert failure is None
        assert is_lacking("file access rules") or results == ["Permission denied"]


@pytest.mark.parametrize("act", [["fork"], ["exec"], ["unpickle"]], ids=lambda act: act[0])
def test_python_code_starts_nothing(act: list[Any]) -> None:
    failure = run([act])[0][1]
    assert failure is not None
    assert "PermissionError" in failure.what


def test_python_code_reads_and_writes_no_file(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.txt"
    secret.write_text("canary", encoding="utf-8")
    found = run([["write", str(tmp_path / "new"), 10], ["read", str(secret)]])
    assert found[0][1] is not None
    assert not (tmp_path / "new").exists()
    assert is_lacking("file access rules") or found[1][0] == []


def test_what_is_named_readable_can_be_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("models")
    (folder / "model.bin").write_bytes(b"weights")
    with Sandbox("hostile_acts:act", workers=1, readable=[str(folder)]) as sandbox:
        words = list(sandbox.map([["read", str(folder / "model.bin")]]))
    assert words == [Result(0, "weights"), Finished(0, None)]


def test_threads_are_allowed_and_a_swarm_of_them_is_not() -> None:
    found = run([["threads", 4], ["threads", 100_000]], workers=1, memory_bytes=700 << 20)
    assert found[0] == ([4], None)
    assert found[1][0] == []
    assert found[1][1] is not None


def test_an_item_comes_with_its_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("documents")
    (folder / "a").write_bytes(b"first")
    (folder / "b.gz").write_bytes(gzip.compress(b"second"))
    unpacking = gzip.GzipFile(folder / "b.gz")  # its fileno() is the packed file's
    opened = iter([(folder / "a").open("rb"), unpacking, io.BytesIO(b"third")])
    items = [["stream"], ["stream"], ["stream"]]
    with Sandbox("hostile_acts:act", workers=1) as sandbox:
        words = list(sandbox.map(items, lambda _: next(opened)))
    found = by_item(items, words)
    assert [results for results, _ in found.values()] == [["first"], ["second"], ["third"]]


def test_a_file_that_cannot_be_opened_costs_only_its_item(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"text")
    with Sandbox("hostile_acts:act", workers=1) as sandbox:
        paths = iter([tmp_path / "gone", tmp_path / "there"])
        words = list(sandbox.map([["stream"], ["stream"]], lambda _: next(paths).open("rb")))
    failed, *rest = words
    assert isinstance(failed, Finished)
    assert failed.failure is not None
    assert (failed.failure.what, failed.failure.why) == ("it cannot be opened", "No such file or directory")
    assert rest == [Result(1, "text"), Finished(1, None)]


def test_missing_layers_are_known_layers() -> None:
    known = {"dies with its parent", "network namespace", "no new privileges", "no capabilities", "memory limit"}
    assert set(missing_layers()) <= {*known, "file access rules", "system call filter"}


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
    script = tmp_path / "scripts/parent.py"  # not beside the module: the folder of a script is closed to children
    script.parent.mkdir()
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
