"""Whether a model knows what it knows: its confidence held against how often it is right, and what it could leave out.

Confidence is the probability of the answer that was chosen among the choices offered. Calibration asks whether
of answers given with 80% about 80% are right: the expected calibration error (Guo et al. 2017, section 2) over bins of
equal width, all of which are told. Abstention asks what is gained by answering only the surest questions: the share of
wrong answers (risk) over the share of questions answered (coverage), and the area under that curve (AURC; Geifman and
El-Yaniv 2017). Answers of one confidence cannot be told apart, so they are answered together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.evaluate.intervals import wilson
from ingot.evaluate.results import Result

BINS = 10
RISKS = (0.01, 0.05, 0.1, 0.2)

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Bin:
    """Answers given with a confidence above `low` and up to `high`: how many, how sure, and how often right."""

    low: float
    high: float
    items: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Curve:
    """What is risked with the surest answers alone: at each place the share answered, and of those the share wrong.

    `area` is the mean risk over all coverages, expected where answers of one confidence come in any order; `least` is
    the area of somebody who is always surer of right answers, `chance` that of somebody whose confidence says nothing.
    """

    coverage: Floats
    risk: Floats
    area: float
    least: float
    chance: float

    def coverage_at(self, risk: float) -> float:
        """Return the largest share of questions that can be answered with at most this share of wrong answers."""
        allowed = self.coverage[self.risk <= risk]
        return float(allowed.max()) if len(allowed) else 0.0


def confidences(results: Sequence[Result]) -> tuple[Floats, Booleans]:
    """Return how sure a model was of each choice that can be right or wrong, and whether it was right."""
    known = [one for one in results if len(one.weights) > 1 and "accuracy" in one.scores]
    sure = [1 / float(np.exp(np.array(one.weights) - max(one.weights)).sum()) for one in known]
    return np.array(sure), np.array([one.scores["accuracy"] == 1 for one in known], dtype=np.bool_)


def reliability(confidence: Floats, is_right: Booleans, bins: int = BINS) -> list[Bin]:
    """Return the bins that hold an answer, by ascending confidence."""
    places = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    found = []
    for place in np.unique(places).tolist():
        inside = places == place
        sure, right = float(confidence[inside].mean()), float(is_right[inside].mean())
        found.append(Bin(place / bins, (place + 1) / bins, int(inside.sum()), sure, right))
    return found


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return how far confidence is from accuracy, the mean over all answers of the difference in their bin."""
    items = sum(each.items for each in bins)
    return sum(each.items * abs(each.accuracy - each.confidence) for each in bins) / items


def risk_coverage(confidence: Floats, is_right: Booleans) -> Curve:
    """Return the curve, with a place for each confidence that occurs."""
    count = len(confidence)
    _, places, sizes = np.unique(-confidence, return_inverse=True, return_counts=True)
    wrong = np.bincount(places, weights=~is_right)
    answered = np.cumsum(sizes)
    risk = np.cumsum(wrong) / answered
    # Within answers of one confidence, each further one is wrong as often as they are on average.
    before = np.repeat(np.cumsum(wrong) - wrong, sizes)
    inside = np.arange(1, count + 1) - np.repeat(answered - sizes, sizes)
    expected = before + inside * np.repeat(wrong / sizes, sizes)
    numbers = np.arange(1, count + 1)
    best = np.maximum(numbers - is_right.sum(), 0)
    least, area = float((best / numbers).mean()), float((expected / numbers).mean())
    return Curve(answered / count, risk, area, least, float((~is_right).mean()))


def measured(results: Sequence[Result]) -> dict[str, Any] | None:
    """Return calibration and abstention as JSON literals; None where no answer came with a confidence."""
    confidence, is_right = confidences(results)
    if not len(confidence):
        return None
    bins = reliability(confidence, is_right)
    curve = risk_coverage(confidence, is_right)
    return {
        "items": len(confidence),
        "confidence": round(float(confidence.mean()), 6),
        "accuracy": round(float(is_right.mean()), 6),
        "bin_width": 1 / BINS,
        "expected_calibration_error": round(calibration_error(bins), 6),
        "bins": [_told(each) for each in bins],
        "area_under_risk_coverage": round(curve.area, 6),
        "least_area": round(curve.least, 6),
        "area_by_chance": round(curve.chance, 6),
        "coverage_at_risk": {str(risk): round(curve.coverage_at(risk), 6) for risk in RISKS},
    }


def _told(one: Bin) -> dict[str, Any]:
    interval = wilson(round(one.accuracy * one.items), one.items)
    shown = {name: round(value, 6) for name, value in vars(one).items()}
    return {**shown, "interval": [round(float(end), 6) for end in (interval.low, interval.high) if end is not None]}
