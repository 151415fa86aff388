"""The composition root: the few objects commands share, made from what the person typed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from ingot.flow.home import Home


def home_at(path: str) -> Home:
    """Return the home folder a person named, `~` included. Nothing is created."""
    return Home(Path(path).expanduser().absolute())


def command_line() -> str:
    """Return the command as it could be typed again."""
    return shlex.join(["ingot", *sys.argv[1:]])
