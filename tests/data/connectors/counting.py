"""How much this process, without its children, has read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def bytes_read(work: Callable[[], T]) -> tuple[T, int]:
    """Do some work and return its result and the bytes that this process and the children it ended have read."""
    before = _total()
    result = work()
    return result, _total() - before


def _total() -> int:
    lines = (line.partition(":") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return next(int(value) for name, _, value in lines if name == "rchar")
