"""A storm of kills on a training: it comes back by itself every time, with the same bits, and loses little time.

One training runs undisturbed. Then the same one runs in another home under a supervisor that knows one thing, to start
the same command again, while its process, the runner or both are killed with SIGKILL at moments drawn at random. In the
end the weights and the curve must be those of the undisturbed run, bit for bit. A recovery lasts from a kill to the
first step that had not been taken before: starting, reading the checkpoint, repeating steps. Goodput is the share of
time that is left for new steps with a kill every minute: the last kills come a minute apart, so that what they cost is
seen and not worked out.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.corpus import small_part
from benchmarks.report import Figure, publish

INGOT = str(Path(sys.executable).with_name("ingot"))
SECONDS_BETWEEN_KILLS = 60.0
KILLS, MINUTES, STEPS = 40, 3, 2600
SHAPE = ["--width", "64", "--layers", "2", "--vocabulary", "1024", "--cores", "1"]
VICTIMS = ("step", "runner", "both")


@dataclass(frozen=True)
class Recovery:
    """Who was killed, seconds to the next new step, and steps that were taken twice."""

    victim: str
    seconds: float
    repeated: int


class Supervisor(threading.Thread):
    """Starts the build, and again whenever it ended before its training was done."""

    def __init__(self, home: Path, steps: int) -> None:
        super().__init__(daemon=True)
        self.home, self.starts = home, 0
        self.process: psutil.Process | None = None
        self._command = [INGOT, "build", *small_part(), "--name", "storm", "--home", str(home), "--json", *SHAPE]
        self._command += ["--steps", str(steps)]

    def run(self) -> None:
        with (self.home.parent / f"{self.home.name}.log").open("ab") as log:
            while not is_done(self.home):
                child = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
                self.process, self.starts = psutil.Process(child.pid), self.starts + 1
                child.wait()

    def kill(self, victim: str) -> bool:
        """Kill the training's process, its runner, or both; say whether there was one to kill."""
        try:
            runner = self.process
            trainings = [each for each in runner.children() if "ingot.flow.worker" in each.cmdline()] if runner else []
            if runner is None or not trainings:
                return False
            if victim == "both":
                os.killpg(runner.pid, signal.SIGKILL)
            else:
                (trainings[0] if victim == "step" else runner).kill()
        except (psutil.NoSuchProcess, ProcessLookupError):
            return False
        return True


def is_done(home: Path) -> bool:
    """Say whether the training has its artifact."""
    return (home / "artifacts" / "storm-checkpoint" / "1").is_dir()


def last_step(home: Path) -> int:
    """Return the last step the training wrote down."""
    for path in home.glob("work/storm-checkpoint.*/curve.jsonl"):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            whole = [line for line in file.read().split(b"\n") if line.startswith(b"{") and line.endswith(b"}")]
        return int(json.loads(whole[-1])["step"]) if whole else 0
    return 0


def result(home: Path) -> dict[str, str]:
    """Return the hash of every file of the training but the one that holds measured speeds."""
    record = json.loads((home / "artifacts/storm-checkpoint/1/record.json").read_text())
    return {name: entry["sha256"] for name, entry in record["files"].items() if name != "training.json"}


def undisturbed(home: Path, steps: int) -> float:
    """Train without a kill; return the seconds of stepping."""
    supervisor = Supervisor(home, steps)
    supervisor.start()
    supervisor.join()
    return float(json.loads((home / "artifacts/storm-checkpoint/1/record.json").read_text())["facts"]["seconds"])


def storm(home: Path, steps: int, pauses: Sequence[float], draw: random.Random) -> list[Recovery]:
    """Train through a kill after each of those pauses, in seconds of new steps; return the recoveries."""
    supervisor = Supervisor(home, steps)
    supervisor.start()
    recoveries: list[Recovery] = []
    while len(recoveries) < len(pauses) and not is_done(home):
        if not last_step(home):
            time.sleep(0.02)
            continue
        time.sleep(pauses[len(recoveries)])
        victim, reached = draw.choice(VICTIMS), last_step(home)
        if reached >= steps - 1 or not supervisor.kill(victim):
            continue
        recoveries.append(recovered(home, victim, reached))
    supervisor.join()
    return recoveries


def recovered(home: Path, victim: str, reached: int) -> Recovery:
    """Wait for the first step after `reached`."""
    began, lowest = time.monotonic(), reached
    while not is_done(home) and (now := last_step(home)) <= reached:
        lowest = min(lowest, now)
        time.sleep(0.005)
    return Recovery(victim, time.monotonic() - began, reached - lowest)


def main() -> None:
    """Measure, print and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three kills, and none a minute apart")
    quick = parser.parse_args().quick
    kills, minutes, steps = (3, 0, 300) if quick else (KILLS, MINUTES, STEPS)
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}, {kills} kills in {steps} steps")
    with tempfile.TemporaryDirectory(prefix="ingot-storm-") as place:
        calm, broken = Path(place, "calm"), Path(place, "broken")
        seconds = undisturbed(calm, steps)
        draw, spare = random.Random(seed), max(seconds - minutes * SECONDS_BETWEEN_KILLS, kills)
        pauses = [draw.uniform(0.0, 0.8 * spare / kills) for _ in range(kills)]
        recoveries = storm(broken, steps, [*pauses, *[SECONDS_BETWEEN_KILLS] * minutes], draw)
        expected, found = result(calm), result(broken)
    differing = sum(expected.get(name) != found.get(name) for name in expected | found)
    for recovery in recoveries:
        print(f"  {recovery.victim:6}  {recovery.seconds:5.2f} s, {recovery.repeated} steps repeated")
    middle = statistics.median(recovery.seconds for recovery in recoveries)
    apart = [recovery.seconds for recovery in recoveries[kills:]]
    goodput = SECONDS_BETWEEN_KILLS / (SECONDS_BETWEEN_KILLS + statistics.fmean(apart)) if apart else None
    whole = None if quick else len(recoveries) == kills + minutes
    figures = [
        Figure("kills -9 that the training came back from by itself", len(recoveries), "kills", "40 of 40", whole),
        Figure("files that differ from the undisturbed training", differing, "files", "0", differing == 0),
        Figure(
            "goodput with a kill every 60 s",
            goodput,
            "share of time",
            ">= 0.90",
            None if goodput is None else goodput >= 0.9,
        ),
        Figure("from a kill to the next new step, median", middle, "s", "<= 5", middle <= 5),
    ]
    told = [asdict(each) for each in recoveries]
    publish("train_storm", figures, {"is_quick": quick, "seed": seed, "steps": steps, "recoveries": told})


if __name__ == "__main__":
    main()
