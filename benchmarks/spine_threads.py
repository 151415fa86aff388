"""What training keeps of its speed when the machine is not alone: threads that sleep against threads that spin.

Each side trains a small model for a few seconds in a process of its own, on all cores, alone and beside one process
that only burns a core, the sides in turn. Wall time on purpose: spinning burns CPU-seconds without doing anything.
Idle OpenMP threads spin for a while by default; Ingot's local executor makes them sleep at once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from benchmarks.report import Figure, publish
from ingot.core.hardware import usable_cores
from ingot.train.config import LADDER, PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.probe import random_batch
from ingot.train.state import begin, reproducible, resolve_precision
from ingot.train.trainer import advance

MODEL = LADDER[1]
ROWS, LENGTH = 4, 512
SIDES: dict[str, dict[str, str]] = {"sleeping": {"OMP_WAIT_POLICY": "PASSIVE"}, "default": {}}


def train_for(seconds: float) -> float:
    """Train in this process on all cores; return tokens per second."""
    device = torch.device("cpu")
    config = PretrainConfig(MODEL, steps=10**6, batch_size=ROWS, sequence_length=LENGTH)
    batch = random_batch(MODEL.vocabulary, ROWS, LENGTH)
    with reproducible(usable_cores(), device):
        state = begin(config, usable_cores(), resolve_precision("auto", device), device)

        def step() -> None:
            advance(state, batch, lambda decoder, piece: next_token.loss(decoder, piece, next_token.Config()), config)

        step()
        began, done = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            step()
            done += 1
        return done * ROWS * LENGTH / (time.monotonic() - began)


def measured(side: str, seconds: float) -> float:
    """Train in a fresh process with a side's environment."""
    command = [sys.executable, __file__, "--side", str(seconds)]
    environment = {**os.environ, **SIDES[side]}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


@contextmanager
def neighbour() -> Iterator[None]:
    """Keep one core busy."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="2 rounds of 4 seconds instead of 5 of 8")
    arguments.add_argument("--side", type=float, help="measure one side in this process for so many seconds")
    options = arguments.parse_args()
    if options.side:
        print(train_for(options.side))
        return
    rounds, seconds = (2, 4.0) if options.quick else (5, 8.0)
    seen: dict[str, list[float]] = {}
    for _ in range(rounds):
        for side in SIDES:
            seen.setdefault(f"{side}, alone", []).append(measured(side, seconds))
            with neighbour():
                seen.setdefault(f"{side}, beside a busy process", []).append(measured(side, seconds))
    middle = {name: statistics.median(values) for name, values in seen.items()}
    kept = middle["sleeping, beside a busy process"] / middle["sleeping, alone"]
    against = middle["sleeping, beside a busy process"] / middle["default, beside a busy process"]
    alone = middle["sleeping, alone"] / middle["default, alone"]
    publish(
        "spine_threads",
        [
            Figure("beside a busy process, share of the speed kept", kept, "share", ">= 0.4", kept >= 0.4),
            Figure("sleeping over default threads, beside a busy process", against, "times", ">= 1", against >= 1),
            Figure("sleeping over default threads, alone", alone, "times", "beside it", None),
        ],
        {"is_quick": options.quick, "cores": usable_cores(), "tokens_per_second": seen},
    )


if __name__ == "__main__":
    main()
