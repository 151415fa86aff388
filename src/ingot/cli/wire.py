"""The composition root: the few objects commands share, made from what the person typed."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from ingot.core.errors import UsageError
from ingot.flow.home import Home

DEFAULT_HOME = "~/.ingot"


def home_at(path: str) -> Home:
    """Return the home folder a person named, `~` included. Nothing is created."""
    if not path:
        fix = f"give one, or leave it out for {DEFAULT_HOME}"
        raise UsageError("the home folder has no name", where="--home or INGOT_HOME", fix=fix)
    home = Path(path).expanduser().absolute()
    there = next(place for place in (home, *home.parents) if os.path.exists(place))
    if not there.is_dir():
        why = "it is a file" if there == home else f"{there} is a file"
        fix = f"name a folder: --home {DEFAULT_HOME}"
        raise UsageError("the home is not a folder", where=str(home), why=why, fix=fix)
    return Home(home)


def home_words(path: str) -> str:
    """Return the words that name this home in a command, or none when a command finds it by itself."""
    is_found = home_at(path) == home_at(os.environ.get("INGOT_HOME", DEFAULT_HOME))
    return "" if is_found else f" --home {shlex.quote(path)}"


def command_line() -> str:
    """Return the command as it could be typed again."""
    return shlex.join(["ingot", *sys.argv[1:]])
