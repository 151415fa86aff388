"""What stays of erased documents: the id, the day and the reason, one JSON object a line beside the shards."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ingot.core.storage import write_atomically

TOMBSTONES = "tombstones.jsonl"


@dataclass(frozen=True)
class Tombstone:
    """What stays of an erased document."""

    doc_id: str
    day: str
    reason: str


def tombstones(folder: Path) -> list[Tombstone]:
    """Return what was erased from an artifact."""
    path = folder / TOMBSTONES
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Tombstone(**json.loads(line)) for line in lines]


def write_tombstones(folder: Path, stones: Sequence[Tombstone]) -> None:
    """Write down all that was erased from an artifact."""
    write_atomically(folder / TOMBSTONES, "".join(json.dumps(asdict(stone)) + "\n" for stone in stones))
