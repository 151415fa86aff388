"""Does the best learning rate stay where it is when a model gets wider?

Models of width 64, 128, 256 and 512 learn the same text with rates that are factors of two apart, brought to a base
width (`base_width`, train/width.py), and the narrowest and the widest also as they are ("standard"). For each width
the rate with the lowest bits per byte on unseen documents is the best; it must have neighbours on both sides that are
worse. The figure is by how many steps of that grid the best rate moves from the narrowest to the widest model.

Everything else is equal: depth, rows, steps, seed, schedule, optimiser (Muon, and AdamW for the rest), one thread.

    python benchmarks/train_rates.py [--quick] [--picture docs/images/rates.svg]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks import real_sets
from benchmarks.report import Figure, publish
from benchmarks.trainings import Corpus, Trained, prepare, train
from ingot.plan.scaling import Shape
from ingot.train.config import PretrainConfig

GOAL, TRIED_AT_MOST = 1.0, 6
RATE, BASE_WIDTH, LAYERS = 4e-3, 256, 2
VOCABULARY, ROWS, LENGTH = 2048, 8, 128
SIDES = {"width": BASE_WIDTH, "standard": 0}
Curve = dict[int, Trained]  # by the power of two that the rate is above RATE


@dataclass(frozen=True)
class Budget:
    """Widths to compare, steps of each training, and powers of two that are tried first at all but the widest."""

    widths: tuple[int, ...] = (64, 128, 256, 512)
    steps: int = 160
    first: tuple[int, ...] = (-2, -1, 0, 1, 2)


QUICK = Budget((64, 128), 96, (-1, 0, 1))


def curve(corpus: Corpus, width: int, base_width: int, budget: Budget) -> Curve:
    """Train with rates around RATE until the best one has worse neighbours on both sides."""
    is_widest = width == budget.widths[-1]
    tried: Curve = {}
    waiting = [-1, 0, 1] if is_widest else list(budget.first)
    while waiting and len(tried) < max(TRIED_AT_MOST, len(budget.first)):
        for power in waiting:
            config = PretrainConfig(
                Shape(width, LAYERS).model(VOCABULARY, LENGTH),
                budget.steps,
                ROWS,
                LENGTH,
                learning_rate=RATE * 2.0**power,
                base_width=base_width,
            )
            tried[power] = train(corpus, config)
        found = best(tried)
        waiting = [power for power in (found - 1, found + 1) if power not in tried]
    return tried


def best(tried: Curve) -> int:
    """Return the power of two with the lowest figure."""
    return min(tried, key=lambda power: tried[power].bits_per_byte)


def vertex(tried: Curve) -> float:
    """Return where a parabola through the best rate and its neighbours is lowest, as a power of two."""
    place = best(tried)
    if not {place - 1, place + 1} <= tried.keys():
        return float(place)
    low, middle, high = (tried[place + offset].bits_per_byte for offset in (-1, 0, 1))
    return place + 0.5 * (low - high) / (low - 2 * middle + high)


def figures(found: Mapping[str, Mapping[int, Curve]], is_full: bool) -> list[Figure]:
    """Return by how much the best rate moves, on the grid and between its points, for both sides."""
    told = []
    for side, curves in found.items():
        widths = sorted(curves)
        narrow, wide = curves[widths[0]], curves[widths[-1]]
        moved = abs(best(wide) - best(narrow))
        goal = f"<= {GOAL:g}" if side == "width" else ""
        name = f"best rate from width {widths[0]} to {widths[-1]}, {side}"
        told.append(Figure(name, moved, "steps of a factor 2", goal, moved <= GOAL if goal and is_full else None))
        told.append(Figure(f"{name}, interpolated", vertex(wide) - vertex(narrow), "steps of a factor 2", "", None))
        told += [
            Figure(f"bits per byte at width {width}, {side}", lowest(curves[width]), "bits per byte", "", None)
            for width in widths
        ]
    return told


def lowest(tried: Curve) -> float:
    """Return the best figure."""
    return min(one.bits_per_byte for one in tried.values())


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="widths 64 and 128, half the steps, 3 rates")
    real_sets.add_option(arguments)
    chosen = arguments.parse_args()
    budget = QUICK if chosen.quick else Budget()
    torch.set_num_threads(1)
    texts = real_sets.load(Path("nowhere"))[real_sets.STANDARD_LIBRARY]
    found: dict[str, dict[int, Curve]] = {}
    with tempfile.TemporaryDirectory() as folder:
        corpus = prepare(texts, VOCABULARY, LENGTH, Path(folder) / "corpus")
        for side, base_width in SIDES.items():
            found[side] = {}
            for width in budget.widths if base_width else (budget.widths[0], budget.widths[-1]):
                found[side][width] = curve(corpus, width, base_width, budget)
                print(f"{side}, width {width}: best at {RATE * 2.0 ** best(found[side][width]):g}", flush=True)
    details: dict[str, Any] = {
        "curves": {
            side: {width: {power: asdict(one) for power, one in sorted(tried.items())} for width, tried in each.items()}
            for side, each in found.items()
        },
        "base_width": BASE_WIDTH,
        "rows": ROWS,
        "length": LENGTH,
        "budget": asdict(budget),
        "is_quick": chosen.quick,
        "torch": torch.__version__,
    }
    publish("train_rates", figures(found, not chosen.quick), details)


if __name__ == "__main__":
    main()
