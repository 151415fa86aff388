"""Processor seconds of a training, by a hook: what equal compute means on a machine that others use as well.

The clock counts this process and all its threads, from the first look on; `spent` adds up a training that was
interrupted and went on in another process, where the clock begins anew.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.decoder import Decoder

FIGURE = "processor_seconds"


def processor_seconds(
    decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext
) -> dict[str, float]:
    """Return the seconds that this process has computed so far, into the curve."""
    return {FIGURE: round(time.process_time(), 3)}


def spent(checkpoint: Path) -> float | None:
    """Return the processor seconds of all steps of a training; None where it was looked at less than twice.

    Between two looks of one process the seconds of so many steps are known; the steps before the first look, in which
    the process also began, are taken to cost the mean of those that are.
    """
    with (checkpoint / "curve.jsonl").open(encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if FIGURE in row]
    seconds = steps = 0.0
    for before, after in pairwise(rows):
        if after[FIGURE] > before[FIGURE]:
            seconds += after[FIGURE] - before[FIGURE]
            steps += after["step"] - before["step"]
    return seconds / steps * rows[-1]["step"] if steps else None
