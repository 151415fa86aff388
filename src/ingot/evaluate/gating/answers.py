"""The answers of two models to the same items, side by side; and of one, where nothing is compared.

Items are the same when what was shown is (its hash). Those that stand in what one of the two was trained on are left
out where that is known: a model that has read the exam is not better for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ingot.evaluate.contamination import SEEN_SHARE
from ingot.evaluate.gating.paired import Floats, Paired, means, shares
from ingot.evaluate.results import BITS_PER_BYTE, LEANING, RESULTS_FILE

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What two models said to the items both were shown: the version in use first; `seen` items are left out."""

    first: Sequence[Line]
    second: Sequence[Line]
    seen: int
    only_one: int

    def having(self, metric: str, group: str | None = None) -> Asked:
        """Return those items to which both answers have the metric, of one group where it is named."""
        kept = [
            pair
            for pair in zip(self.first, self.second, strict=True)
            if all(metric in line["scores"] for line in pair) and group in (None, pair[0]["group"])
        ]
        return Asked([one for one, _ in kept], [other for _, other in kept], self.seen, self.only_one)


def read_lines(folder: Path) -> list[Line]:
    """Return the answers of an evaluation, one an item."""
    with (folder / RESULTS_FILE).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def unseen(lines: Sequence[Line]) -> list[Line]:
    """Return the answers to items that do not stand in what the model was trained on, as far as that is known."""
    return [line for line in lines if not _is_seen(line)]


def side_by_side(first: Sequence[Line], second: Sequence[Line]) -> Asked:
    """Return the answers to the items that were shown alike to both and that neither has seen before."""
    known = {(line["id"], line["prompt"]): line for line in first}
    pairs = [(known[key], line) for line in second if (key := (line["id"], line["prompt"])) in known]
    fresh = [(one, other) for one, other in pairs if not (_is_seen(one) or _is_seen(other))]
    only_one = len(first) + len(second) - 2 * len(pairs)
    return Asked([one for one, _ in fresh], [other for _, other in fresh], len(pairs) - len(fresh), only_one)


def metrics_of(lines: Sequence[Line]) -> list[str]:
    """Return the names of the metrics, the first one first."""
    return list(dict.fromkeys(name for line in lines for name in line["scores"]))


def first_metric(lines: Sequence[Line]) -> str | None:
    """Return the metric that a task is known by; None where there are only leanings."""
    return next((name for name in metrics_of(lines) if not name.startswith(LEANING)), None)


def is_share(metric: str, lines: Sequence[Line]) -> bool:
    """Say whether a metric is right or wrong for every item."""
    return metric != BITS_PER_BYTE and all(line["scores"][metric] in (0.0, 1.0) for line in lines)


def compared(asked: Asked, metric: str, margin: float) -> Paired:
    """Test a metric on the items of both. Bits per byte change their sign, so that more is better."""
    if is_share(metric, asked.first) and is_share(metric, asked.second):
        first, second = ([line["scores"][metric] == 1.0 for line in side] for side in (asked.first, asked.second))
        return shares(first, second, margin)
    first_values, second_values = (weighed(side, metric, asked.first) for side in (asked.first, asked.second))
    # The margin is a share of what the version in use has.
    return means(first_values, second_values, margin * abs(float(first_values.mean())))


def weighed(lines: Sequence[Line], metric: str, sizes: Sequence[Line]) -> Floats:
    """Return values whose mean is the metric: bits per byte count by their bytes, and less of them is better."""
    values = np.array([line["scores"][metric] for line in lines], np.float64)
    if metric != BITS_PER_BYTE:
        return values
    weights = np.array([line["bytes"] for line in sizes], np.float64)
    counted: Floats = -values * weights * (len(weights) / weights.sum())
    return counted


def mirrored(lines: Sequence[Line], metric: str) -> list[Line]:
    """Return the answers with a metric turned round, for what less is better of, or the other side of a leaning."""
    return [{**line, "scores": {metric: 1.0 - line["scores"][metric]}} for line in lines]


def _is_seen(line: Line) -> bool:
    share = line.get("seen_share")
    return share is not None and share >= SEEN_SHARE
