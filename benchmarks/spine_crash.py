"""kill -9 at random moments of `ingot build`, again and again: the end must be the unbroken run's, bit for bit.

One build runs to its end. Then, round by round in a home of its own, the same build is killed (the whole process group,
SIGKILL) at a moment drawn uniformly from the time the unbroken one took, and simply started again until it ends. Final
loss, weights, tokenizer and shards are compared with the unbroken run's. The model's shape is given, so that the plan
does not depend on how fast the machine was at the time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.corpus import small_part
from benchmarks.report import Figure, publish

INGOT = str(Path(sys.executable).with_name("ingot"))
SHAPE = ["--width", "64", "--layers", "2", "--vocabulary", "512", "--steps", "150", "--cores", "1"]
COMPARED = ("documents", "dataset", "tokenizer", "shards", "checkpoint")


def start(home: Path) -> subprocess.Popen[bytes]:
    """Start the build in a process group of its own."""
    command = [INGOT, "build", *small_part(), "--name", "crash", "--home", str(home), "--json", *SHAPE]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def finish(build: subprocess.Popen[bytes]) -> None:
    """Wait for a build; show what it said if it failed."""
    output, _ = build.communicate()
    if build.returncode:
        sys.exit(f"the build failed with {build.returncode}:\n{output.decode(errors='replace')[-3000:]}")


def result(home: Path) -> dict[str, object]:
    """Return what must be equal: the final loss and the hash of every file of the compared artifacts."""
    found: dict[str, object] = {}
    for step in COMPARED:
        versions = sorted((home / "artifacts" / f"crash-{step}").iterdir())
        record = json.loads((versions[-1] / "record.json").read_text())
        found[step] = {name: entry["sha256"] for name, entry in record["files"].items() if is_compared(name)}
        found[f"versions of {step}"] = len(versions)
        if step == "checkpoint":
            found["final loss"] = record["facts"]["final_loss"]
    return found


def is_compared(name: str) -> bool:
    """The training curve and its summary hold measured speeds, which no two runs share."""
    return name not in ("curve.jsonl", "training.json")


def broken_run(home: Path, seconds: float, draw: random.Random) -> tuple[float, str]:
    """Kill one build at a random moment, run it again to the end; return the moment and the step it hit."""
    moment = draw.uniform(0.1, seconds)
    build = start(home)
    time.sleep(moment)
    os.killpg(build.pid, signal.SIGKILL)
    build.communicate()
    hit = step_that_ran(home)
    finish(start(home))
    return moment, hit


def step_that_ran(home: Path) -> str:
    """Return the step a killed run was in."""
    records = sorted(home.glob("runs/*/run.json"))
    if not records:
        return "before the run"
    run: Mapping[str, list[Mapping[str, str]]] = json.loads(records[-1].read_text())
    return next((step["name"] for step in run["steps"] if step["status"] == "running"), "between steps")


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="2 kills instead of 20")
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    rounds = 2 if options.quick else 20
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        finish(start(Path(folder, "unbroken")))
        seconds = time.monotonic() - started
        expected = result(Path(folder, "unbroken"))
        kills = []
        for number in range(rounds):
            home = Path(folder, f"home{number}")
            moment, hit = broken_run(home, seconds, draw)
            is_equal = result(home) == expected
            kills.append({"at_second": round(moment, 2), "in_step": hit, "is_equal": is_equal})
            print(f"kill {number + 1}: {moment:.1f} s, {hit}, {'equal' if is_equal else 'DIFFERENT'}", flush=True)
            shutil.rmtree(home)
    equal = sum(bool(kill["is_equal"]) for kill in kills)
    name = f"kill -9 of ingot build that ended bit for bit as the unbroken run, of {rounds}"
    holds = equal == rounds if rounds >= 20 or equal < rounds else None
    details = {"is_quick": options.quick, "unbroken_s": seconds, "kills": kills}
    publish("spine_crash", [Figure(name, equal, "runs", "20 of 20", holds)], details)


if __name__ == "__main__":
    main()
