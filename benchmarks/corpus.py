"""Text every machine has, for the figures: this interpreter's standard library, without its tests."""

from __future__ import annotations

import sysconfig
from pathlib import Path

LEFT_OUT = ("test", "tests", "idle_test", "site-packages", "dist-packages", "ensurepip", "encodings", "pydoc_data")


def standard_library() -> Path:
    """Return the folder of the standard library's sources."""
    return Path(sysconfig.get_path("stdlib"))


def excluded(names: tuple[str, ...] = LEFT_OUT) -> list[str]:
    """Return the options that leave out what is not prose or code of its own."""
    return [f"--exclude={name}" for name in names]


def small_part() -> list[str]:
    """Return a few packages of it, about a megabyte: enough to train on for seconds."""
    return [str(standard_library() / name) for name in ("asyncio", "email", "json", "logging", "unittest", "xml")]
