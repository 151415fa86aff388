"""The other side of the sandbox: a process that confines itself, then runs one function over the items it is sent.

Items arrive on standard input as lines of JSON; answers leave as frames (one byte of kind, four of length, JSON). A
thread reads the lines, so the parent never blocks while writing, and ends the process at once when the input closes,
which is what happens when the parent is gone.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any

from ingot.core.confinement import Limits, confine
from ingot.core.errors import IngotError
from ingot.core.plugins import resolve

HELLO, RESULT, ERROR, DONE = b"h", b"r", b"e", b"d"
HEADER = struct.Struct(">cI")


def main(answers: int, parent: int, function: str, limits: dict[str, Any]) -> None:
    """Serve until standard input closes. `answers` is the descriptor to write frames to."""
    missing = confine(Limits(**limits), parent)
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(lines,), daemon=True).start()
    run = resolve(function)
    _send(answers, HELLO, missing)
    while True:
        _answer(run, json.loads(lines.get()), answers)


def _receive(lines: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


def _answer(run: Callable[..., Any], item: Any, answers: int) -> None:
    try:
        for result in run(item):
            _send(answers, RESULT, result)
    except MemoryError:
        _send(answers, ERROR, {"kind": "memory"})
    except IngotError as error:
        _send(answers, ERROR, {"kind": "error", **error.as_fields()})
    except Exception as error:
        # The parent reports it with the item's name; the process is in order and takes the next item.
        _send(answers, ERROR, {"kind": "error", "what": f"{type(error).__name__}: {error}"[:2000]})
    else:
        _send(answers, DONE, None)


def _send(answers: int, kind: bytes, value: Any) -> None:
    payload = json.dumps(value, ensure_ascii=False).encode("utf-8")
    rest = memoryview(HEADER.pack(kind, len(payload)) + payload)
    while rest:
        rest = rest[os.write(answers, rest) :]
