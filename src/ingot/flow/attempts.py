"""What a step has cost so far, over all its attempts: kept beside its work folder while it runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ingot.core.storage import write_atomically


@dataclass(frozen=True)
class Spent:
    """Wall seconds and joules (None: not measured), and how the joules were found."""

    seconds: float = 0.0
    joules: float | None = 0.0
    method: str = "estimated"

    def __add__(self, other: Spent) -> Spent:
        is_known = self.joules is not None and other.joules is not None
        joules = (self.joules or 0.0) + (other.joules or 0.0) if is_known else None
        return Spent(self.seconds + other.seconds, joules, other.method)


def read_spent(path: Path) -> Spent:
    """Return what earlier attempts cost; nothing when there were none."""
    try:
        return Spent(**json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return Spent()


def write_spent(path: Path, spent: Spent) -> None:
    """Keep what was spent."""
    write_atomically(path, json.dumps(asdict(spent)))
