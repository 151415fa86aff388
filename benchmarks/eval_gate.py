"""How often a gate catches a version that is three points worse, and how often it suspects one that is not.

The answers are real: pairs of small classifiers (logistic regression on words, or on runs of three letters) that were
trained on other halves of SST-2 and label the same sentences that neither has seen. What matters to a gate is how two
models disagree, item by item, and that is theirs. Two truths are made of each pair: *as good*, where for every sentence
a coin says which of the two answers is the version in use and which the new one, so that the true difference is 0; and
*planted*, where of the same answers those to three of a hundred sentences, drawn by lot among the new version's right
ones, are turned wrong. 200 sets of sentences are drawn from each with replacement, and the gate judges every one.

How many sentences are drawn is the number that the gate itself asks for (`items_needed`), from the disagreement of the
pair; then half of them and a quarter, where it should say `unsure`, and twice as many. `three tasks` asks the same of
three independent sets at once: a false alarm is one in any of them, and one of them has the planted loss.

Bounds are Clopper and Pearson's (1934), 95%. The quick run uses one pair and 40 resamples.

    python benchmarks/eval_gate.py [--quick] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.real_sets import BESIDE
from benchmarks.report import Figure, publish
from ingot.data.logistic import Rows, fit, rows_of
from ingot.evaluate.gating.answers import Line, side_by_side
from ingot.evaluate.gating.claim import FAIL, PASS, UNSURE, Claim, judged, overall
from ingot.evaluate.gating.figures import not_worse
from ingot.evaluate.gating.paired import ERROR, POWER, at_least, items_needed
from ingot.evaluate.gating.rules import MARGIN
from ingot.evaluate.intervals import LEVEL

RESAMPLES, QUICK_RESAMPLES = 200, 40
TRAINED_ON, ASKED = 12_000, 20_000  # sentences: each of the two reads as many of its own
COLUMNS, PENALTY = 1 << 16, 1.0
TASKS = 3
Booleans = np.ndarray[Any, np.dtype[np.bool_]]
Features = Callable[[str], Iterator[str]]


@dataclass(frozen=True)
class Pair:
    """Which answers of two models are right, sentence by sentence."""

    name: str
    first: Booleans
    second: Booleans

    @property
    def disagreement(self) -> float:
        """The share of sentences that one alone has right."""
        return float((self.first != self.second).mean())


def words(text: str) -> Iterator[str]:
    """Yield words and pairs of words."""
    each = text.lower().split()
    yield from each
    yield from map(" ".join, itertools.pairwise(each))


def letters(text: str) -> Iterator[str]:
    """Yield runs of three letters."""
    padded = f" {text.lower()} "
    return (padded[start : start + 3] for start in range(len(padded) - 2))


def matrix(texts: Sequence[str], features: Features) -> Rows:
    """Return hashed features, each counted once."""
    rows = []
    for text in texts:
        columns = np.array(sorted({zlib.crc32(each.encode()) % COLUMNS for each in features(text)}), np.int64)
        rows.append((columns, np.full(len(columns), 1 / math.sqrt(max(len(columns), 1)))))
    return rows_of(rows, COLUMNS)


def right_answers(sentences: Sequence[tuple[str, bool]], own: slice, features: Features) -> Booleans:
    """Train on one's own sentences, and say which of the others are labelled right."""
    read, asked = sentences[own], sentences[-ASKED:]
    weights = fit(matrix([text for text, _ in read], features), np.array([label for _, label in read]), PENALTY)
    said = matrix([text for text, _ in asked], features).times(weights[:COLUMNS]) > 0
    return np.asarray(said == np.array([label for _, label in asked]))


def pairs(folder: Path, is_quick: bool) -> list[Pair]:
    """Return pairs of real models that agree more, and less."""
    with (folder / "glue_sst2" / "train.tsv").open(encoding="utf-8") as file:
        rows = [(row["sentence"], row["label"] == "1") for row in csv.DictReader(file, delimiter="\t", quoting=3)]
    lot = np.random.default_rng(0).permutation(len(rows))
    sentences = [rows[place] for place in lot]
    mine, others = slice(0, TRAINED_ON), slice(TRAINED_ON, 2 * TRAINED_ON)
    by_words = right_answers(sentences, mine, words)
    found = [Pair("other sentences", by_words, right_answers(sentences, others, words))]
    if not is_quick:
        found.append(Pair("other features", by_words, right_answers(sentences, mine, letters)))
    return found


def truths(pair: Pair, lot: np.random.Generator) -> tuple[Pair, Pair]:
    """Return the pair as good, and with a loss of the margin, each exact over all sentences."""
    is_turned = lot.random(len(pair.first)) < 0.5
    first, second = (np.where(is_turned, a, b) for a, b in ((pair.first, pair.second), (pair.second, pair.first)))
    # The coin leaves a difference of some sentences: exchange as many more.
    surplus = int(second.sum()) - int(first.sum())
    ahead, behind = (second, first) if surplus > 0 else (first, second)
    places = lot.permutation(np.flatnonzero(ahead & ~behind))[: abs(surplus) // 2]
    ahead[places], behind[places] = False, True
    worse = second.copy()
    worse[lot.permutation(np.flatnonzero(second))[: round(MARGIN * len(second))]] = False
    return Pair(pair.name, first, second), Pair(pair.name, first, worse)


def lines(right: Booleans) -> list[Line]:
    """Return answers as an evaluation keeps them."""
    scores = [
        {"id": str(n), "prompt": str(n), "group": "", "scores": {"accuracy": float(r)}} for n, r in enumerate(right)
    ]
    return list(scores)


def claim(pair: Pair, items: int, lot: np.random.Generator) -> Claim:
    """Return what the gate claims of a set of sentences drawn with replacement."""
    drawn = lot.integers(0, len(pair.first), items)
    asked = side_by_side(lines(pair.first[drawn]), lines(pair.second[drawn]))
    made = not_worse("quality", "sst2", asked, "accuracy", MARGIN)
    assert isinstance(made, Claim), "both were asked"
    return made


def verdicts(sets: Sequence[Pair], items: int, resamples: int, lot: np.random.Generator) -> Counter[str]:
    """Return how many resamples had each verdict; with several sets, over all of them together."""
    return Counter(overall(judged([claim(each, items, lot) for each in sets])) for _ in range(resamples))


def clopper_pearson(count: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the exact bounds of a share (Clopper & Pearson 1934), by halving."""

    def end(is_low: bool) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            tail = at_least(count, of, middle) if is_low else at_least(of - count, of, 1 - middle)
            low, high = (middle, high) if (tail < level / 2) == is_low else (low, middle)
        return (low + high) / 2

    return (0.0 if count == 0 else end(True)), (1.0 if count == of else end(False))


def told(name: str, count: int, of: int, goal: str, holds: Callable[[float], bool] | None) -> Figure:
    """Return a share of the resamples, its bounds in the name."""
    low, high = clopper_pearson(count, of)
    label = f"{name} (binomial bounds {low:.3f} to {high:.3f})"
    return Figure(label, count / of, "share", goal, None if holds is None else holds(count / of))


def measure(pair: Pair, resamples: int, lot: np.random.Generator) -> tuple[list[Figure], dict[str, Any]]:
    """Return the figures of one pair, and all verdicts."""
    good, bad = truths(pair, lot)
    figures, counted = [], {}
    # What a gate sees of a pair with a loss is a little more disagreement than the pair has.
    needed = items_needed(MARGIN, bad.disagreement)
    figures.append(Figure(f"{pair.name}: the two disagree on", pair.disagreement, "share", "", None))
    figures.append(
        Figure(
            f"{pair.name}: items needed to tell 3 points with a power of {POWER:.1%}", needed, "items", "stated", None
        )
    )
    for share in (1.0, 2.0, 0.5, 0.25):
        items = round(needed * share)
        planted, none = (verdicts([each], items, resamples, lot) for each in (bad, good))
        counted[str(items)] = {"planted": dict(planted), "none": dict(none)}
        where = f"{pair.name}, {items} items"
        print(where, "planted", dict(planted), "none", dict(none), flush=True)
        if share >= 1:
            figures += [
                told(f"{where}: planted 3 points caught", planted[FAIL], resamples, ">= .95", lambda x: x >= 0.95),
                told(f"{where}: false alarms", none[FAIL], resamples, "<= .05", lambda x: x <= 0.05),
                told(f"{where}: planted 3 points let pass", planted[PASS], resamples, "<= .025", None),
                told(f"{where}: as good and passed", none[PASS], resamples, "", None),
            ]
        else:
            figures += [
                told(f"{where}, too few: unsure when 3 points are planted", planted[UNSURE], resamples, "", None),
                told(f"{where}, too few: unsure when as good", none[UNSURE], resamples, "", None),
                told(f"{where}, too few: planted 3 points let pass", planted[PASS], resamples, "<= .025", None),
                told(f"{where}, too few: false alarms", none[FAIL], resamples, "<= .05", lambda x: x <= 0.05),
            ]
    return figures, {"accuracy": float(pair.first.mean()), "disagreement": pair.disagreement, "verdicts": counted}


def three_tasks(pair: Pair, resamples: int, lot: np.random.Generator) -> tuple[list[Figure], dict[str, Any]]:
    """Return the figures of a gate with three tasks, the planted loss in one of them."""
    good, bad = truths(pair, lot)
    items = items_needed(MARGIN, bad.disagreement, ERROR / TASKS)
    none = verdicts([good] * TASKS, items, resamples, lot)
    planted = verdicts([bad, *[good] * (TASKS - 1)], items, resamples, lot)
    print("three tasks", items, "planted", dict(planted), "none", dict(none), flush=True)
    where = f"three tasks of {items} items"
    figures = [
        told(f"{where}: planted 3 points in one caught", planted[FAIL], resamples, ">= .95", lambda x: x >= 0.95),
        told(f"{where}: false alarms in any", none[FAIL], resamples, "<= .05", lambda x: x <= 0.05),
        told(f"{where}: planted 3 points let pass", planted[PASS], resamples, "<= .025", None),
    ]
    return figures, {"items": items, "planted": dict(planted), "none": dict(none)}


def main() -> None:
    """Draw, judge, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one pair, 40 resamples")
    parser.add_argument("--data", type=Path, default=BESIDE, help="folder with glue_sst2")
    arguments = parser.parse_args()
    if not (arguments.data / "glue_sst2" / "train.tsv").is_file():
        sys.exit(f"there is no glue_sst2/train.tsv in {arguments.data}: name its folder with --data")
    began = time.process_time()
    resamples = QUICK_RESAMPLES if arguments.quick else RESAMPLES
    lot = np.random.default_rng(6)
    figures: list[Figure] = []
    details: dict[str, Any] = {"is_quick": arguments.quick, "resamples": resamples, "margin": MARGIN}
    found = pairs(arguments.data, arguments.quick)
    for pair in found:
        some, details[pair.name] = measure(pair, resamples, lot)
        figures += some
    some, details["three tasks"] = three_tasks(found[0], resamples, lot)
    figures += some
    details["processor_seconds"] = round(time.process_time() - began, 1)
    if arguments.quick:  # so few resamples show the way, and no figure
        figures = [Figure(each.name, each.value, each.unit, each.goal, None) for each in figures]
    publish("eval_gate", figures, details)


if __name__ == "__main__":
    main()
