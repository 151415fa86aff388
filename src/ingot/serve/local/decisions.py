"""What policies decided, appended to a file."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock

from ingot.serve.ports import Judged

DECISIONS_FILE = "decisions.jsonl"


class DecisionFile:
    """A log that appends one line of JSON for each decision; several servers may share it.

    A rule with the action `review` keeps the text with it, for the person who will look at it: who may read this file
    may read that.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = FileLock(path.with_suffix(".lock"))

    def record(self, judged: Judged) -> None:
        """Append one decision. Raises OSError when it cannot be written: what is not recorded is not let pass."""
        known = {name: value for name, value in asdict(judged).items() if value is not None}
        line = json.dumps({"time": round(time.time(), 3), **known}, ensure_ascii=False) + "\n"
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(line)
