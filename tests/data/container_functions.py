"""What the sandbox runs in test_containers: functions that list a file, well and badly."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.data.containers import at_range, refused, with_body


def lines(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield a line as an item, named by its first word; some words do what they say."""
    place = 0
    for line in stream:
        word = line.split()[0].decode()
        if word == "refuse":
            yield refused(word, "it asked for it")
        elif word == "fail":
            raise InputError("it failed", why="it had to", fix="nothing")
        elif word == "crash":
            os._exit(3)
        elif word == "large":
            yield from with_body(word, (line * 1000 for _ in range(int(line.split()[1]))), version="1")
        elif word == "break":
            yield next(with_body("broken", (b"x" * 1_000_000 for _ in range(20))))
            raise InputError("it broke off")
        elif word == "range":
            yield at_range(f"{word}{place}", place, line, version="1")
        else:
            yield from with_body(word, [line], 1.0, {"note": "n"}, access=["b", "a"])
        place += len(line)
