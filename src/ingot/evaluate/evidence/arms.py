"""The arms of a comparison, read from their scores: one arm has as many scores as seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from ingot.evaluate.evidence.choosing import GENERAL, OWN, read_chosen
from ingot.evaluate.evidence.pairing import Bits
from ingot.evaluate.evidence.scoring import read_score
from ingot.flow.artifact import Artifact

COMPUTE, BYTES = "compute", "bytes"
CONTINUED, BORROWED, MIXED, RETRIEVAL = "continued", "borrowed", "mixed", "retrieval"
NAMES = {
    OWN: "Own model: your text, own vocabulary",
    BORROWED: "Your text, general vocabulary",
    GENERAL: "General model",
    CONTINUED: "General model, continued on your text",
    MIXED: "Generalist with some of your text",
    RETRIEVAL: "General model with retrieval",
}
# What needs no model, by the names of its figures.
STATIC = {"zstd": "zstd", "ngram": "Counted n-grams"}
# As short as a bar has room for.
SHORT_NAMES = {
    OWN: "Own model",
    BORROWED: "Own text, general vocabulary",
    GENERAL: "General model",
    CONTINUED: "General model, continued",
    MIXED: "Generalist, some own text",
    RETRIEVAL: "General model, retrieval",
}
_SCORE = re.compile(r"(?P<arm>[a-z]+)(?P<basis>-bytes)?-seed-(?P<seed>\d+)-score")


@dataclass(frozen=True)
class Arm:
    """One way to have a model: what it needs for own and general text, and each seed's other facts and items."""

    arm: str
    basis: str
    own: Bits
    general: Bits
    facts: Sequence[Mapping[str, Any]]
    kept: Sequence[Mapping[str, Any]]

    @property
    def name(self) -> str:
        """What a reader is told it is."""
        return NAMES[self.arm] + (", as many bytes seen" if self.basis == BYTES else "")

    @property
    def labels(self) -> list[bool]:
        """Which items were told right, seed after seed."""
        return [bool(right) for kept in self.kept for right in kept["labels"]]

    def training(self, name: str) -> float | None:
        """Return the mean over the seeds of something that the training took; None where a seed does not say."""
        values = [facts["training"][name] for facts in self.facts]
        return None if None in values else fmean(values)

    def shares(self, name: str) -> list[bool]:
        """Return the items of all seeds under a name, such as what was recited."""
        return [bool(each) for kept in self.kept for each in kept[name]]

    def answer(self, name: str) -> float | None:
        """Return the mean over the seeds of what an answer takes."""
        values = [(facts["answer"] or {}).get(name) for facts in self.facts]
        known = [value for value in values if value is not None]
        return fmean(known) if len(known) == len(values) else None


def read_arms(inputs: Mapping[str, Artifact]) -> list[Arm]:
    """Return the arms in the order of NAMES, those of equal compute first."""
    sizes = {use: _sizes(inputs, use) for use in (OWN, GENERAL)}
    found: dict[tuple[str, str], dict[int, Artifact]] = {}
    for name, artifact in inputs.items():
        if match := _SCORE.fullmatch(name):
            basis = BYTES if match["basis"] else COMPUTE
            found.setdefault((match["arm"], basis), {})[int(match["seed"])] = artifact
    arms = []
    for (arm, basis), scores in found.items():
        ordered = [scores[seed] for seed in sorted(scores)]
        kept = [read_score(each.path) for each in ordered]
        own, general = (Bits(np.array([each["bits"][use] for each in kept]), sizes[use]) for use in (OWN, GENERAL))
        arms.append(Arm(arm, basis, own, general, [each.facts for each in ordered], kept))
    order = list(NAMES)
    return sorted(arms, key=lambda arm: (arm.basis != COMPUTE, order.index(arm.arm)))


def _sizes(inputs: Mapping[str, Artifact], use: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([each.bytes for each in read_chosen(inputs["texts"].path, use)], dtype=np.int64)
