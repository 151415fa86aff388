"""What a model said to the items of a task, kept item by item, and the figures that come of it.

A figure has its interval: Wilson's for shares, a bootstrap over items for other means and for bits per byte.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingot.evaluate.intervals import Interval, bits_per_byte, bootstrap_mean, wilson

RESULTS_FILE, METRICS_FILE = "results.jsonl", "metrics.json"
# The metric that is a ratio of sums, bits over bytes; all others are means over items.
BITS_PER_BYTE = "bits_per_byte"
# What a metric's name begins with of which neither more nor less is better.
LEANING = "share_"


@dataclass(frozen=True)
class Result:
    """What a model said to one item, and how that was scored; `weights` are log-probabilities of choices."""

    id: str
    group: str
    prompt: str
    answer: str
    right: str
    scores: Mapping[str, float]
    weights: tuple[float, ...] = ()
    is_cut: bool = False
    seen_share: float | None = None
    bytes: int = 0

    def as_line(self) -> str:
        """Return it as one line of JSON."""
        fields = {**vars(self), "scores": dict(self.scores), "weights": [round(each, 6) for each in self.weights]}
        return json.dumps(fields, ensure_ascii=False) + "\n"


def measured(results: Sequence[Result], resamples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return every metric as JSON literals: its value, the ends of its interval, and how many items it is over."""
    figures = {}
    for name in dict.fromkeys(name for result in results for name in result.scores):
        having = [result for result in results if name in result.scores]
        interval = _interval(name, having, resamples, seed)
        low, high = (None if end is None else round(end, 6) for end in (interval.low, interval.high))
        figures[name] = {"value": round(interval.value, 6), "low": low, "high": high, "items": len(having)}
    return figures


def _interval(name: str, results: Sequence[Result], resamples: int, seed: int) -> Interval:
    values = [result.scores[name] for result in results]
    if name == BITS_PER_BYTE:
        sizes = np.array([result.bytes for result in results], dtype=np.int64)
        return bits_per_byte(np.array(values) * sizes, sizes, resamples, seed)
    if all(value in (0.0, 1.0) for value in values):
        return wilson(int(sum(values)), len(values))
    return bootstrap_mean(values, resamples, seed)


def by_group(results: Sequence[Result], resamples: int, seed: int) -> dict[str, Any]:
    """Return the metrics of every group; nothing when there is one."""
    groups = sorted({result.group for result in results})
    if len(groups) < 2:
        return {}
    return {group: measured([one for one in results if one.group == group], resamples, seed) for group in groups}


def cut_prompts(count: int) -> str:
    """Say that so many prompts were too long to be read whole.

    >>> cut_prompts(1)
    "1 prompt is longer than the model's context: its beginning was cut"
    """
    if count == 1:
        return "1 prompt is longer than the model's context: its beginning was cut"
    return f"{count} prompts are longer than the model's context: their beginnings were cut"


def absent_documents(count: int) -> str:
    """Say that so many questions cannot be answered.

    >>> absent_documents(1)
    '1 question asks for a document that is not in the index'
    """
    asking = "1 question asks" if count == 1 else f"{count} questions ask"
    return f"{asking} for a document that is not in the index"
