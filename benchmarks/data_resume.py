"""kill -9 at random moments of read, curate, tokenizer and shards; and the memory of whoever does the pieces.

One run goes to its end on two workers. Then, round by round, the same recipe begins in an empty home and something of
it is killed at a random moment: the whole process group, the runner alone, or one worker. What was killed is run again,
and every byte of every artifact must be the unbroken run's; of the records all but what tells when, how long and under
which number of a run. A hook in every interpreter notes each piece of work that is begun and each that takes its name,
so that none is missed however short it is: a piece that had its name must not be begun again, and of those that had not
at most one a worker may be.

Memory is the largest resident set, mapped files included, of whoever does pieces (`processes.py`), with the confined
process that parses for it, over data sets of 1, 10 and 100 shards of the same size. To have them in minutes the shards
are small: some 290 documents each, where reading ends one of its own accord, and as much text in those of tokens, which
usually hold 256 MB. A last run has shards of the usual size, of the real sets where they are.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks import real_sets
from benchmarks.processes import Watch
from benchmarks.report import Figure, publish
from benchmarks.shard_runs import WORKERS, Bench, result, rows_source, write_files, write_rows
from ingot.core.tables import count_rows, parts

STEPS = ("documents", "dataset", "shards")
MOST_BYTES, MOST_GROWTH = 1 << 30, 1.1
SHARD_BYTES = 300_000
# One shard is to fill what encoders and allocators keep, which is bounded; what grows with shards is looked for.
LINES_TO_REMEMBER = 24
DOCUMENTS_IN_SHARD = 320  # more than there will be, so that there are enough


# --- kill ------------------------------------------------------------------------------------------------------------


def running(run: subprocess.Popen[bytes], role: str) -> list[int]:
    """Return the processes of this kind that a run has at this moment."""
    watch = Watch(run.pid)
    watch.look()
    return [process for (process, _), each in watch.processes.items() if each.role == role]


def kill(run: subprocess.Popen[bytes], what: str, draw: random.Random) -> bool:
    """Kill the group, the runner or a worker; False when there is none (any more)."""
    if what == "worker":
        victims = running(run, "worker")
        if not victims or run.poll() is not None:
            return False
        with suppress(ProcessLookupError):
            os.kill(draw.choice(victims), signal.SIGKILL)
        return True
    if run.poll() is not None:
        return False
    (os.killpg if what == "group" else os.kill)(run.pid, signal.SIGKILL)
    run.wait()
    return True


def step_that_ran(home: Path) -> str:
    """Return the step a run is in."""
    records = sorted(home.glob("runs/*/run.json"))
    if not records:
        return "before the run"
    run = json.loads(records[-1].read_text(encoding="utf-8"))
    return next((step["name"] for step in run["steps"] if step["status"] == "running"), "between steps")


def broken_run(bench: Bench, what: str, seconds: float, draw: random.Random) -> dict[str, Any] | None:
    """Kill one run at a random moment, and run it again to the end; None when there was nothing to kill then."""
    bench.empty()
    moment = draw.uniform(0.1, seconds)
    run = bench.start()
    time.sleep(moment)
    begun_before, named = bench.noted()
    if not kill(run, what, draw):
        run.wait()
        return None
    hit = step_that_ran(bench.home)
    if what == "worker":
        named_at_kill = named  # its neighbours go on: what was named before the kill, and no more
    else:
        begun_before, named = bench.noted()
        # A piece is finished when it has its name; where its folder is gone with all of its kind, it had it before.
        named_at_kill = {piece for piece in named if Path(piece).exists() or not Path(piece).parent.exists()}
        run = bench.start()
    bench.finish(run)
    begun, _ = bench.noted()
    again = begun[len(begun_before) :]
    redone = [piece for piece in again if piece in named_at_kill]
    twice = [piece for piece in set(begun) if begun.count(piece) > 1 and piece not in named_at_kill]
    return {
        "killed": what,
        "at_second": round(moment, 2),
        "in_step": hit,
        "finished_pieces": len(named_at_kill),
        "finished_and_done_again": sorted(redone),
        "begun_twice": len(twice),
    }


def kills(bench: Bench, rounds: int, seed: int, seconds: float) -> list[dict[str, Any]]:
    """Kill so many runs and compare each end with the unbroken run's."""
    draw = random.Random(seed)
    expected = result(bench.home)
    made: list[dict[str, Any]] = []
    # Of four, two lose everything at once, one its runner alone, one a worker.
    for what in itertools.cycle(("group", "worker", "group", "runner")):
        outcome = None
        while outcome is None:
            outcome = broken_run(bench, what, seconds, draw)
        ended = result(bench.home)
        outcome["different"] = sorted(name for name in {*ended, *expected} if ended.get(name) != expected.get(name))
        made.append(outcome)
        print(f"kill {len(made)}: {json.dumps(outcome)}", flush=True)
        if len(made) == rounds:
            return made
    raise AssertionError


# --- memory ----------------------------------------------------------------------------------------------------------


def watched(bench: Bench) -> dict[str, Any]:
    """Run the recipe in an empty home; return what its processes took, step by step."""
    bench.empty()
    run = bench.start()
    with Watch(run.pid) as watch:
        bench.finish(run)
    return {
        "shards": bench.shards(),
        "worker_bytes": {step: watch.worker(step, WORKERS) for step in STEPS},
        "parts": {step: {role: watch.peak(step, role) for role in ("worker", "step", "sandbox")} for step in STEPS},
        "tokenizer_bytes": watch.peak("tokenizer", "step"),
        "runner_bytes": watch.root_bytes,
    }


def memory(folder: Path, counts: tuple[int, ...], texts: list[str]) -> dict[int, dict[str, Any]]:
    """Measure data sets of so many shards."""
    everything = folder / "rows.jsonl"
    write_rows(everything, DOCUMENTS_IN_SHARD * max(counts), texts, LINES_TO_REMEMBER)
    bench = Bench(folder / "memory")
    bench.folder.mkdir()
    bench.prepare(rows_source(everything), SHARD_BYTES, is_read_only=True)
    bench.finish(bench.start())
    documents = next(bench.home.glob("artifacts/x-documents/*/"))
    # Reading ends a shard where a row's name says so: these rows from the first on make one shard, two, three, ...
    rows = list(itertools.accumulate(count_rows(path) for path in parts(documents, "documents")))
    found = {}
    for count in counts:
        path = folder / str(count) / everything.name
        path.parent.mkdir()
        with everything.open("rb") as source:
            path.write_bytes(b"".join(itertools.islice(source, rows[count - 1])))
        bench.prepare(rows_source(path), SHARD_BYTES * 2)
        found[count] = watched(bench)
        print(f"{count} shards: {json.dumps(found[count])}", flush=True)
    return found


def usual_size(folder: Path, sets: Mapping[str, list[str]]) -> dict[str, Any]:
    """Measure shards of the usual size: whole sets as files of JSON Lines."""
    docs = folder / "sets"
    docs.mkdir()
    for name, texts in sets.items():
        lines = (json.dumps({"text": text}) + "\n" for text in texts)
        (docs / f"{name.replace(' ', '_')}.jsonl").write_text("".join(lines), encoding="utf-8")
    bench = Bench(folder / "usual")
    bench.folder.mkdir()
    bench.prepare({"connector": "folder", "config": {"paths": [str(docs)]}}, 0)
    found = {**watched(bench), "bytes": sum(path.stat().st_size for path in docs.iterdir())}
    print(f"usual shards: {json.dumps(found)}", flush=True)
    return found


def kill_figures(made: list[dict[str, Any]], wanted: int = 20) -> list[Figure]:
    """Return the figures of the killed runs; what is broken is broken, what holds takes all of them to say so."""
    equal = sum(not each["different"] for each in made)
    redone = sum(len(each["finished_and_done_again"]) for each in made)
    twice = max(each["begun_twice"] for each in made)

    def holds(is_reached: bool) -> bool | None:
        return None if is_reached and len(made) < wanted else is_reached

    name = f"kill -9 of read, curate, tokenizer and shards that ended byte for byte as the unbroken run, of {len(made)}"
    return [
        Figure(name, equal, "runs", "20 of 20", holds(equal == len(made))),
        Figure("pieces that were finished and done again", redone, "pieces", "0", holds(redone == 0)),
        Figure("most pieces begun twice for one kill, two workers", twice, "pieces", "<= 2", holds(twice <= WORKERS)),
    ]


def memory_figures(found: Mapping[int, Mapping[str, Any]], usual: Mapping[str, Any], is_real: bool) -> list[Figure]:
    """Return the figures of memory, step by step."""
    everything = [*found.values(), usual]
    largest = max(each["worker_bytes"][step] for each in everything for step in STEPS)
    is_whole = set(found) >= {1, 10, 100}
    within = largest <= MOST_BYTES
    figures = [
        Figure(
            "most memory of a worker and its sandbox, 1, 10, 100 shards and shards of the usual size",
            largest,
            "bytes",
            "<= 1 GiB",
            within if is_whole or not within else None,
        )
    ]
    first, last = min(found), max(found)
    for step in STEPS:
        grown = found[last]["worker_bytes"][step] / found[first]["worker_bytes"][step]
        is_flat = grown <= MOST_GROWTH
        holds = is_flat if is_whole or not is_flat else None
        figures += [
            Figure(f"{step}: worker, {count} shards", each["worker_bytes"][step], "bytes", "<= 1 GiB", None)
            for count, each in sorted(found.items())
        ]
        figures.append(Figure(f"{step}: worker of {last} shards over that of {first}", grown, "times", "<= 1.1", holds))
        figures.append(Figure(f"{step}: worker, usual shards", usual["worker_bytes"][step], "bytes", "", None))
        figures += [
            Figure(f"{step}: the step itself, {count} shards", each["parts"][step]["step"], "bytes", "", None)
            for count, each in sorted(found.items())
        ]
    if not is_real:
        figures.append(Figure("usual shards of the real sets", None, "bytes", "<= 1 GiB", None))
    return figures


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2 kills instead of 20, 1 and 3 shards instead of 100")
    parser.add_argument("--seed", type=int, default=None, help="when to kill what  [default: drawn, and printed]")
    real_sets.add_option(parser)
    chosen = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    rounds, shards, counts = (2, 3, (1, 3)) if chosen.quick else (20, 5, (1, 10, 100))
    sets = real_sets.load(chosen.data)
    texts = [text for each in sets.values() for text in each]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        bench = Bench(folder / "kill")
        bench.folder.mkdir()
        bench.prepare(write_files(folder / "files", shards * DOCUMENTS_IN_SHARD, texts), SHARD_BYTES)
        began = time.monotonic()
        bench.empty()
        bench.finish(bench.start())
        seconds = time.monotonic() - began
        unbroken = {"seconds": seconds, "shards": bench.shards(), "pieces": len(bench.noted()[0])}
        print(f"unbroken: {json.dumps(unbroken)}", flush=True)
        made = kills(bench, rounds, seed, seconds)
        found = memory(folder, counts, texts)
        usual = usual_size(folder, sets)
    details = {
        "is_quick": chosen.quick,
        "seed": seed,
        "texts": sorted(sets),
        "unbroken": unbroken,
        "kills": made,
        "memory": found,
        "usual": usual,
    }
    figures = [*kill_figures(made), *memory_figures(found, usual, real_sets.are_real(sets))]
    publish("data_resume", figures, details)


if __name__ == "__main__":
    main()
