"""Are near-duplicates found, and is what is found one? Copies of real texts are changed and looked for.

Stretches of 260 words are copied: as they are, in capitals, with 1, 3 or 5 % of the words replaced, with a tenth or a
fifth of the text moved elsewhere or replaced by another text's. Recall is the share of copies in one group with their
original; precision is the share of all texts found to repeat something (planted or not) that have a true Jaccard
similarity of at least 0.5 with a text of their group.
"""

from __future__ import annotations

import argparse
import random
import re
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.real_sets import add_option, are_real, load
from benchmarks.report import Figure, publish
from ingot.data.dedup.minhash import Config
from ingot.data.similarity import Sketches, groups, sketches_of
from ingot.data.statistics.describe import describe

STRETCH, LEAST_STRETCH, SHINGLE = 260, 80, 5
LEAST_RECALL, RECALL_FROM = 0.95, 0.75
LEAST_PRECISION, PRECISION_FROM = 0.99, 0.5
MOST_SECONDS = 1.5  # "about a second" for 100,000 texts
BATCH, SEED, SAMPLE = 2000, 3, 1500
WORD = re.compile(r"[^\W_]+")

Shingles = frozenset[tuple[str, ...]]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Planted:
    """Texts, of which those from `first` on are copies of `kinds`, made of those numbered `sources`."""

    texts: list[str]
    first: int
    kinds: list[str]
    sources: list[int]


def stretches(sets: dict[str, list[str]], most: int) -> list[str]:
    """Return stretches of the texts of all sets in turn."""
    found = []
    for text in (text for texts in sets.values() for text in texts[: most // 4]):
        words = text.split(" ")
        for start in range(0, len(words) - LEAST_STRETCH, STRETCH):
            found.append(" ".join(words[start : start + STRETCH]))
    random.Random(SEED).shuffle(found)
    return found[:most]


def substituted(text: str, share: float, others: Sequence[str], draw: random.Random) -> str:
    """Replace some of the words by others."""
    words = text.split(" ")
    for place in draw.sample(range(len(words)), round(len(words) * share)):
        words[place] = draw.choice(others)
    return " ".join(words)


def moved(text: str, share: float, draw: random.Random) -> str:
    """Move a block elsewhere."""
    words = text.split(" ")
    size = round(len(words) * share)
    start = draw.randrange(len(words) - size)
    block, rest = words[start : start + size], words[:start] + words[start + size :]
    place = draw.randrange(len(rest))
    return " ".join([*rest[:place], *block, *rest[place:]])


def replaced(text: str, share: float, other: str) -> str:
    """Replace a block in the middle by another text's words."""
    words, foreign = text.split(" "), other.split(" ")
    size = min(round(len(words) * share), len(foreign))
    start = (len(words) - size) // 2
    return " ".join([*words[:start], *foreign[:size], *words[start + size :]])


def plant(texts: list[str], each: int) -> Planted:
    """Add changed copies, so many of each kind."""
    draw = random.Random(SEED)
    vocabulary = sorted({word for text in draw.sample(texts, 200) for word in text.split(" ")})
    kinds: dict[str, Callable[[str], str]] = {
        "exact": lambda text: text,
        "case and blanks": lambda text: "  " + text.replace(" ", "  ").upper(),
        "1 % substituted": lambda text: substituted(text, 0.01, vocabulary, draw),
        "3 % substituted": lambda text: substituted(text, 0.03, vocabulary, draw),
        "5 % substituted": lambda text: substituted(text, 0.05, vocabulary, draw),
        "block of 10 % moved": lambda text: moved(text, 0.1, draw),
        "block of 20 % moved": lambda text: moved(text, 0.2, draw),
        "block of 10 % replaced": lambda text: replaced(text, 0.1, draw.choice(texts)),
        "block of 20 % replaced": lambda text: replaced(text, 0.2, draw.choice(texts)),
    }
    sources = draw.sample(range(len(texts)), each * len(kinds))
    names = [name for name in kinds for _ in range(each)]
    copies = [kinds[name](texts[source]) for name, source in zip(names, sources, strict=True)]
    return Planted([*texts, *copies], len(texts), names, sources)


def shingles(text: str) -> Shingles:
    """Return the set of shingles."""
    words = WORD.findall(text.lower())
    return frozenset(tuple(words[start : start + SHINGLE]) for start in range(len(words) - SHINGLE + 1))


def jaccard(left: Shingles, right: Shingles) -> float:
    """Return the true similarity."""
    return len(left & right) / max(1, len(left | right))


def recalls(planted: Planted, firsts: Integers) -> Iterator[Figure]:
    """Compare every copy with its original."""
    found: dict[str, list[bool]] = defaultdict(list)
    truth: dict[str, list[float]] = defaultdict(list)
    close = []
    for number, (kind, source) in enumerate(zip(planted.kinds, planted.sources, strict=True), planted.first):
        is_found = bool(firsts[number] == firsts[source])
        similarity = jaccard(shingles(planted.texts[number]), shingles(planted.texts[source]))
        found[kind].append(is_found)
        truth[kind].append(similarity)
        close += [is_found] if similarity >= RECALL_FROM else []
    for kind, hits in found.items():
        recall, is_exact = float(np.mean(hits)), kind == "exact"
        name = f"recall, {kind} (mean true similarity {np.mean(truth[kind]):.2f})"
        yield Figure(name, recall, "share", "1" if is_exact else "beside it", recall == 1 if is_exact else None)
    recall = float(np.mean(close))
    yield Figure(f"recall at a true similarity of {RECALL_FROM}", recall, "share", ">= 0.95", recall >= LEAST_RECALL)


def precisions(planted: Planted, firsts: Integers, name: str, is_judged: bool) -> Figure:
    """Look for the nearest text in the group of each one found (of a sample of them)."""
    members: dict[int, list[int]] = defaultdict(list)
    for number, first in enumerate(firsts.tolist()):
        members[first].append(number)
    repeats = np.flatnonzero(firsts != np.arange(len(firsts))).tolist()
    draw = random.Random(SEED)
    hits = []
    for number in draw.sample(repeats, min(SAMPLE, len(repeats))):
        others = [other for other in members[int(firsts[number])] if other != number]
        own = shingles(planted.texts[number])
        nearest = max(jaccard(own, shingles(planted.texts[other])) for other in others[:60])
        hits.append(nearest >= PRECISION_FROM)
    precision = float(np.mean(hits)) if hits else 1.0
    goals = (">= 0.99", precision >= LEAST_PRECISION) if is_judged else ("beside it", None)
    return Figure(f"precision at a true similarity of {PRECISION_FROM}, {name}", precision, "share", *goals)


def grouping(sketches: Sketches, count: int) -> Iterator[Figure]:
    """Time the grouping of so many sketches: those given, and altered copies of them."""
    draw = np.random.default_rng(SEED)
    times = -(-count // len(sketches.signatures))
    signatures = np.concatenate([sketches.signatures] * times)[:count]
    # Other texts, not the same again: every later round differs from the first at most places.
    is_changed = draw.random(signatures.shape) < 0.8
    is_changed[: len(sketches.signatures)] = False
    signatures = np.where(is_changed, draw.integers(0, 1 << 32, signatures.shape, np.uint32), signatures)
    many = Sketches(signatures, np.ones(count, np.bool_))
    start = time.process_time()
    groups(many, Config().similarity)
    seconds = time.process_time() - start
    tracemalloc.start()
    groups(many, Config().similarity)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    yield Figure(f"grouping {count:,} sketches", seconds, "CPU-s", "<= 1.5", seconds <= MOST_SECONDS)
    yield Figure(f"memory for it, beside {signatures.nbytes / 1e6:.0f} MB of signatures", peak, "MB", "beside it", None)


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer texts")
    add_option(parser)
    chosen = parser.parse_args()
    sets = load(chosen.data)
    planted = plant(stretches(sets, 6_000 if chosen.quick else 60_000), 100 if chosen.quick else 400)
    portions = (planted.texts[start : start + BATCH] for start in range(0, len(planted.texts), BATCH))
    sketches = sketches_of([describe(pa.array(portion)) for portion in portions])
    firsts = groups(sketches, Config().similarity)
    figures = [
        *recalls(planted, firsts),
        precisions(planted, firsts, "verified", is_judged=True),
        precisions(planted, groups(sketches, 0.0), "bands alone", is_judged=False),
        *grouping(sketches, 100_000),
    ]
    details = {
        "is_quick": chosen.quick,
        "sets": sorted(sets),
        "are_real": are_real(sets),
        "texts": planted.first,
        "copies_of_each_kind": len(planted.kinds) // len(set(planted.kinds)),
        "similarity": Config().similarity,
    }
    publish("data_duplicates", figures, details)


if __name__ == "__main__":
    main()
