"""Tokens per processor-second of shuffled packed batches: Ingot's stream beside grain and PyTorch's DataLoader.

Everybody reads the same shards in a shuffled order and makes the same batches of 64 x 2048: ids, the id that follows
each one in its document, and the number of its document in the row, in the types a model takes. The others' sources
are written as one would write them who knows the format (`grain_child.py`); grain 0.2.18 lives in an environment of
its own, made on the first run, and its fastest way to read counts. The sides take turns; the best round of each
counts, because everything that disturbs a round only makes it slower.

Memory is the largest resident set of a process that reads the same number of batches from 1, 10 and 100 shards: mapped
pages count, and so does the interpreter with PyTorch (Linux only). Ids are random: reading them costs what text costs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchmarks.report import Figure, publish
from ingot.core.tables import shard_name
from ingot.data.mixture import Config
from ingot.data.shard import Shard, ShardWriter
from ingot.data.shards import Shards
from ingot.data.stream import IGNORED, Stream

PEER = "grain==0.2.18"
ROWS, LENGTH, VOCABULARY = 64, 2048, 32_000
MEAN_DOCUMENT_TOKENS = 2000
GOAL, MOST_BYTES = 50e6, 1 << 30
OURS = "Ingot, 64 x 2048"
Side = Callable[[int], dict[str, float]]  # batches -> processor seconds by the reader's name


def write(folder: Path, shards: int, tokens: int) -> None:
    """Write shards of about so many random ids each, in documents of very uneven length."""
    random = np.random.default_rng(shards)
    for number in range(shards):
        (folder / shard_name(number)).mkdir(parents=True)
        with ShardWriter(folder / shard_name(number), "uint16", VOCABULARY) as writer:
            left = tokens
            while left > 0:
                length = min(left, 2 + int(random.lognormal(np.log(MEAN_DOCUMENT_TOKENS) - 0.5)))
                ids = random.integers(VOCABULARY, size=length, dtype=np.uint16)
                writer.append(random.bytes(16).hex(), 4 * length, [ids])
                left -= length
        writer.finish()


def opened(folder: Path) -> Shards:
    """Open all shards of a folder."""
    shards = Shards(folder, sum(1 for _ in folder.iterdir()))
    shards.require(shards.planned)
    return shards


def timed(name: str, batch: Callable[[int], Any]) -> Side:
    """Return a side that asks for one batch after another, going on where the round before ended."""
    done = 0

    def read(batches: int) -> dict[str, float]:
        nonlocal done
        batch(done)
        began = time.process_time()
        for number in range(done, done + batches):
            batch(number)
        done += batches
        return {name: time.process_time() - began}

    return read


class Windows(Dataset[tuple[torch.Tensor, ...]]):
    """All windows of a split for PyTorch's DataLoader."""

    def __init__(self, shards: Shards) -> None:
        self._shards = [(shards[number].tokens, shards[number].starts) for number in range(len(shards))]
        self._ends = np.cumsum([0, *((len(tokens) - 1) // LENGTH for tokens, _ in self._shards)])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, number: int) -> tuple[torch.Tensor, ...]:
        place = int(np.searchsorted(self._ends, number, side="right")) - 1
        tokens, starts = self._shards[place]
        first = (number - int(self._ends[place])) * LENGTH
        window = tokens[first : first + LENGTH + 1].astype(np.int64)
        low, high = starts.searchsorted(np.array([first + 1, first + LENGTH + 1], dtype=starts.dtype))
        columns = starts[low:high].astype(np.int64) - first
        targets = window[1:].copy()
        targets[columns - 1] = IGNORED
        segments = np.zeros(LENGTH + 1, dtype=np.int32)
        segments[columns] = 1
        return tuple(map(torch.from_numpy, (window[:-1], targets, segments[:-1].cumsum(dtype=np.int32))))


def data_loader(shards: Shards) -> Side:
    """Return PyTorch's side: shuffled by its own sampler, in this process."""

    def endless() -> Iterator[Any]:
        while True:
            yield from DataLoader(Windows(shards), ROWS, shuffle=True, drop_last=True)

    batches = endless()
    return timed("PyTorch DataLoader", lambda _: next(batches))


def grain(python: Path, folder: Path) -> Side:
    """Return grain's side: each round is a process of its own."""
    child = str(Path(__file__).with_name("grain_child.py"))

    def read(batches: int) -> dict[str, float]:
        command = [str(python), child, str(folder), str(ROWS), str(LENGTH), str(batches)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        return dict(json.loads(line) for line in lines)

    return read


def peer_python(folder: Path) -> Path:
    """Return the interpreter of grain's environment, made if it is not there."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True, stdout=sys.stderr)
    return python


def rates(folder: Path, python: Path, rounds: int, batches: int) -> dict[str, float]:
    """Return the best tokens per processor-second of every reader, the sides in turn."""
    shards, tokens = opened(folder), ROWS * LENGTH
    five = {f"set-{number}": shards for number in range(5)}
    weights = {name: 2.0**-place for place, name in enumerate(five)}
    sides: dict[Side, int] = {  # and the tokens of a batch
        timed(OURS, Stream(shards, ROWS, LENGTH, 0).batch): tokens,
        timed("Ingot, mixture of five", Stream(five, ROWS, LENGTH, 0, Config(weights=weights)).batch): tokens,
        timed("Ingot, 4 x 512", Stream(shards, 4, 512, 0).batch): 4 * 512,
        data_loader(shards): tokens,
        grain(python, folder): tokens,
    }
    best: dict[str, float] = {}
    for done in range(rounds):
        for side, size in sides.items():
            count = batches * tokens // size // (8 if size < tokens else 1)
            for name, seconds in side(count).items():
                best[name] = max(best.get(name, 0.0), count * size / seconds)
                print(f"round {done + 1}: {name}: {best[name] / 1e6:.1f} M tokens per processor-second", flush=True)
    return best


def measured_memory(folder: Path, batches: int) -> dict[str, float]:
    """Read in a fresh process; return its largest resident set in bytes, and seconds to the first batch."""
    command = [sys.executable, __file__, "--memory", str(folder), str(batches)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def memory(folder: Path, batches: int) -> dict[str, float]:
    """Read in this process, over all shards of the folder."""
    began = time.process_time()
    shards = opened(folder)
    stream = Stream(shards, ROWS, LENGTH, 0)
    stream.batch(0)
    first = time.process_time() - began
    # Evenly over an epoch, so that every shard is read.
    steps = shards.token_count // (ROWS * LENGTH)
    for number in range(batches):
        stream.batch(number * steps // batches)
    return {"bytes": peak_bytes(), "first_batch_seconds": first}


def peak_bytes() -> int:
    """Return the largest resident set of this process so far; getrusage would tell its parent's, if that was larger."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def index_bytes(shard: Shard) -> float:
    """Return the bytes that lead back to a document, for each of its tokens."""
    names = ("starts.bin", "documents.parquet")
    return sum((shard.folder / name).stat().st_size for name in names) / shard.token_count


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 rounds over smaller shards instead of 7")
    parser.add_argument("--memory", nargs=2, help="read so many batches from a folder in this process, and say how")
    cache = Path.home() / ".cache" / "ingot-benchmarks" / PEER.replace("==", "-")
    parser.add_argument("--peer", type=Path, default=cache, help="where grain's environment is or is made")
    chosen = parser.parse_args()
    if chosen.memory:
        print(json.dumps(memory(Path(chosen.memory[0]), int(chosen.memory[1]))))
        return
    torch.set_num_threads(1)
    rounds, batches, shards, tokens = (2, 60, 2, 4_000_000) if chosen.quick else (7, 300, 4, 32_000_000)
    python = peer_python(chosen.peer)
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        write(data, shards, tokens)
        best = rates(data, python, rounds, batches)
        index = index_bytes(opened(data)[0])
        used = {}
        for count in (1, 10, 100):
            folder = Path(scratch) / f"memory-{count}"
            write(folder, count, tokens // 8)
            used[count] = measured_memory(folder, batches * 4)
    largest = max(each["bytes"] for each in used.values())
    grown = used[100]["bytes"] / used[1]["bytes"]
    peers = {name: rate for name, rate in best.items() if not name.startswith("Ingot")}
    fastest = max((name for name in peers if name.startswith("grain")), key=peers.__getitem__)
    figures = [
        Figure(OURS, best[OURS], "tokens per processor-second", ">= 5e7", best[OURS] >= GOAL),
        *(Figure(name, rate, "tokens per processor-second", "", None) for name, rate in best.items() if name != OURS),
        Figure("Ingot over grain at its fastest", best[OURS] / peers[fastest], "times", "", None),
        Figure("Ingot over PyTorch DataLoader", best[OURS] / peers["PyTorch DataLoader"], "times", "", None),
        Figure("largest resident set, 1, 10 or 100 shards", largest, "bytes", "<= 1 GiB", largest <= MOST_BYTES),
        Figure("resident set of 100 shards over 1", grown, "times", "<= 1.1", grown <= 1.1),
        Figure("index, documents of 2,000 tokens", index, "bytes per token", "<= 0.012", index <= 0.012),
    ]
    details = {
        "is_quick": chosen.quick,
        "peer": PEER,
        "torch": torch.__version__,
        "tokens": shards * tokens,
        "batch": {"rows": ROWS, "length": LENGTH, "holds": "tokens int64, targets int64, segments int32"},
        "mean_document_tokens": MEAN_DOCUMENT_TOKENS,
        "fastest_grain": fastest,
        "memory": used,
        "memory_tokens_per_shard": tokens // 8,
    }
    publish("data_stream", figures, details)


if __name__ == "__main__":
    main()
