"""Shard functions that tests run in real worker processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingot.core.errors import InputError
from ingot.flow.tasks import TaskContext


def double(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Write twice the number, note who did it, and report."""
    (context.folder / "number.txt").write_text(str(2 * request["number"]))
    context.emit("failure", uri=f"{request['number']}.txt", reason="none", fix="none")
    context.emit("progress", done=1, total=1, unit="numbers")
    time.sleep(request.get("seconds", 0))
    with Path(request["journal"]).open("a") as journal:
        journal.write(f"{request['number']} {os.getpid()}\n")
    return {"result": 2 * request["number"]}


def refuse(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Refuse the number 3, after writing something."""
    (context.folder / "half.txt").write_text("half")
    if request["number"] == 3:
        raise InputError("three is not wanted", fix="leave it out")
    return double(request, context)


def break_down(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """Fail in a way nobody expected."""
    raise ZeroDivisionError("a bug")


def die_at_first(request: Mapping[str, Any], context: TaskContext) -> dict[str, Any]:
    """End the worker from outside, once (or always, when `always`)."""
    scar = Path(f"{request['journal']}.{request['number']}.scar")
    if request["number"] == 1 and (request.get("always") or not scar.exists()):
        scar.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return double(request, context)
