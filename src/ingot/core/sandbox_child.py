"""The other side of the sandbox: a process that confines itself, then runs one function over the items it is sent.

Items arrive on standard input, a socket, as lines: a letter that tells whether an open file comes with the item, and
JSON. Answers leave as frames (one byte of kind, four of length, JSON). A thread reads the lines, so the parent never
blocks while writing, and ends the process at once when the input closes, which is what happens when the parent is gone.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from ingot.core.confinement import Limits, confine, renew_processor_time
from ingot.core.errors import IngotError
from ingot.core.plugins import resolve

HELLO, RESULT, ERROR, DONE = b"h", b"r", b"e", b"d"
HEADER = struct.Struct(">cI")
ALONE, WITH_FILE = b"-", b"f"
_READ_BYTES = 64 << 10


class _Task(NamedTuple):
    item: Any
    descriptor: int | None


def main(answers: int, parent: int, function: str, limits: dict[str, Any], readable: list[str]) -> None:
    """Serve until standard input closes. `answers` is the descriptor to write frames to."""
    allowed = Limits(**limits)
    missing = confine(allowed, parent, readable)
    tasks: queue.SimpleQueue[_Task] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(tasks,), daemon=True).start()
    run = resolve(function)
    _send(answers, HELLO, missing)
    while True:
        _answer(run, tasks.get(), answers, allowed)


def _receive(tasks: queue.SimpleQueue[_Task]) -> None:
    input_socket = socket.socket(fileno=0)
    held = bytearray()
    descriptors: list[int] = []
    while True:
        data, received, _, _ = socket.recv_fds(input_socket, _READ_BYTES, 16)
        if not data:
            os._exit(0)
        held += data
        descriptors += received
        # A descriptor comes with the first byte of its line, so it is here when the line is whole.
        while (end := held.find(b"\n")) >= 0:
            item = json.loads(held[1:end])
            tasks.put(_Task(item, descriptors.pop(0) if held[:1] == WITH_FILE else None))
            del held[: end + 1]


def _answer(run: Callable[..., Any], task: _Task, answers: int, limits: Limits) -> None:
    renew_processor_time(limits)
    try:
        for result in _results(run, task):
            _send(answers, RESULT, result)
            renew_processor_time(limits)
    except MemoryError:
        _send(answers, ERROR, {"kind": "memory"})
    except IngotError as error:
        _send(answers, ERROR, {"kind": "error", **error.as_fields()})
    except Exception as error:
        # The parent reports it with the item's name; the process is in order and takes the next item.
        _send(answers, ERROR, {"kind": "error", "what": f"{type(error).__name__}: {error}"[:2000]})
    else:
        _send(answers, DONE, None)


def _results(run: Callable[..., Any], task: _Task) -> Any:
    if task.descriptor is None:
        yield from run(task.item)
        return
    with os.fdopen(task.descriptor, "rb") as stream:
        yield from run(task.item, stream)


def _send(answers: int, kind: bytes, value: Any) -> None:
    payload = json.dumps(value, ensure_ascii=False).encode("utf-8")
    rest = memoryview(HEADER.pack(kind, len(payload)) + payload)
    while rest:
        rest = rest[os.write(answers, rest) :]
