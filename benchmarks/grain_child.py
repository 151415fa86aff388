"""Read packed batches with grain: run by `data_stream` in an environment of its own.

    python grain_child.py FOLDER ROWS LENGTH BATCHES

FOLDER holds shards as Ingot writes them. The batches hold what Ingot's hold: ids, the id that follows each in its
document, and the number of its document in the row. The source does its work as one would who knows the format: a
window is one slice of a memory map, its documents are found by binary search. One line per reader: its name and its
processor seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grain.python as grain  # type: ignore[import-not-found]  # only in the environment this child runs in
import numpy as np

IGNORED = -100


class Windows:
    """All windows of a split, by number."""

    def __init__(self, folder: Path, length: int) -> None:
        self._length = length
        self._shards = []
        for shard in sorted(folder.iterdir()):
            description = json.loads((shard / "shard.json").read_text())
            tokens = np.memmap(shard / "tokens.bin", dtype=description["dtype"], mode="r")
            starts = np.memmap(shard / "starts.bin", dtype="<u4", mode="r")
            self._shards.append((np.asarray(tokens), np.asarray(starts)))
        self._ends = np.cumsum([0, *((len(tokens) - 1) // length for tokens, _ in self._shards)])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, number: Any) -> dict[str, Any]:
        place = int(np.searchsorted(self._ends, number, side="right")) - 1
        tokens, starts = self._shards[place]
        first = int(number - self._ends[place]) * self._length
        window = tokens[first : first + self._length + 1].astype(np.int64)
        bounds = np.array([first + 1, first + self._length + 1], dtype=starts.dtype)
        low, high = starts.searchsorted(bounds)
        columns = starts[low:high].astype(np.int64) - first
        targets = window[1:].copy()
        targets[columns - 1] = IGNORED
        segments = np.zeros(self._length + 1, dtype=np.int32)
        segments[columns] = 1
        return {"tokens": window[:-1], "targets": targets, "segments": segments[:-1].cumsum(dtype=np.int32)}


def readers(source: Windows, rows: int) -> Iterator[tuple[str, Iterator[Any]]]:
    """Yield grain's ways to read, endless and shuffled."""
    batches = grain.MapDataset.source(source).seed(0).shuffle().repeat().batch(rows)
    yield "grain, by number", (batches[number] for number in range(len(batches)))
    yield "grain, its iterator", iter(batches.to_iter_dataset())
    alone = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    yield "grain, its iterator without threads", iter(batches.to_iter_dataset(alone))


def main() -> None:
    """Read, and tell the processor seconds, after a few batches to warm up."""
    folder, rows, length, batches = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    for name, reader in readers(Windows(folder, length), rows):
        for _ in range(3):
            next(reader)
        began = time.process_time()
        for _ in range(batches):
            assert next(reader)["tokens"].shape == (rows, length)
        print(json.dumps([name, time.process_time() - began]), flush=True)


if __name__ == "__main__":
    main()
