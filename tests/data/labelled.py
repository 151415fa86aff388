"""Small labelled texts and pairs, as files that steps read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingot.core.storage import sha256_file
from ingot.flow.source import Snapshot, SourceItem
from ingot.flow.step import StepContext
from tests.train.small import Told, context

TOPICS = {
    "weather": ("rain", "cloud", "storm", "sunny", "wind"),
    "money": ("bank", "coin", "loan", "price", "cheap"),
    "travel": ("train", "ticket", "hotel", "road", "ship"),
}
PLAIN = ("the", "and", "then", "again", "near", "before", "a", "small")


def sentences(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return texts with their topic; of the last topic there are few."""
    chooses = random.Random(seed)
    made = []
    for _ in range(count):
        label = chooses.choices(list(TOPICS), weights=(5, 4, 1))[0]
        words = chooses.choices(PLAIN, k=chooses.randrange(3, 9)) + chooses.choices(TOPICS[label], k=2)
        chooses.shuffle(words)
        made.append((" ".join(words), label))
    return made


def pairs(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return questions and answers that share a number, which is what they are found by."""
    chooses = random.Random(seed)
    numbers = chooses.sample(range(100, 1000), count)
    return [(f"who lives at number {number}?", f"house {number} is where they live") for number in numbers]


def snapshot(path: Path, records: Iterable[Mapping[str, Any] | str]) -> Snapshot:
    """Write records (or lines as they are) and return what a source of that file holds."""
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in records))
    item = SourceItem(path.name, str(path), path.stat().st_size, sha256_file(path), 0.0)
    return Snapshot("folder", (item,))


def reading(folder: Path, source: Snapshot, told: Told | None = None) -> StepContext:
    return replace(context(folder, told), sources={"examples": source})
