"""Where the own model loses: by kind of general text, by label of one's own, and document by document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.evaluate.evidence.choosing import Chosen
from ingot.evaluate.evidence.config import EvidenceConfig
from ingot.evaluate.evidence.pairing import Bits, Verdict, by_name, fewer, verdict
from ingot.evaluate.intervals import Interval

LEAST_DOCUMENTS = 5
_SHOWN, _QUOTED = 3, 160


@dataclass(frozen=True)
class Part:
    """A kind of text: how many documents, what both arms need, and the share that the own model needs fewer."""

    name: str
    documents: int
    own: float
    other: float
    share: Interval
    shows: Verdict


@dataclass(frozen=True)
class Worst:
    """A document for which the own model needs most more, in bits per byte."""

    uri: str
    text: str
    own: float
    other: float


def parts(own: Bits, other: Bits, names: Sequence[str], config: EvidenceConfig) -> list[Part]:
    """Hold two arms together on every kind of text with a few documents, the worst for the first arm first."""
    ours, theirs = by_name(own, names, LEAST_DOCUMENTS), by_name(other, names, LEAST_DOCUMENTS)
    found = []
    for name in ours:
        share = fewer(ours[name], theirs[name], config.resamples, config.seed, config.level)
        shows = verdict(share, config.alike)
        found.append(Part(name, len(ours[name].sizes), ours[name].value, theirs[name].value, share, shows))
    return sorted(found, key=lambda part: part.share.value)


def share_lost(own: Bits, other: Bits) -> float:
    """Return the share of documents for which the first arm needs more bits, in the mean over seeds."""
    return float((own.bits.mean(0) > other.bits.mean(0)).mean())


def worst(own: Bits, other: Bits, texts: Sequence[Chosen]) -> list[Worst]:
    """Return the documents that the own model loses most on, per byte of them."""
    ours, theirs = (arm.bits.mean(0) / arm.sizes for arm in (own, other))
    order = np.argsort(theirs - ours, kind="stable")[:_SHOWN].tolist()
    return [
        Worst(texts[number].uri, _quoted(texts[number].text), float(ours[number]), float(theirs[number]))
        for number in order
        if ours[number] > theirs[number]
    ]


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED else line[:_QUOTED].rsplit(" ", 1)[0] + " ..."
