"""How much personal data is in a text, and of which types: e-mail addresses, names, numbers of accounts and of persons.

The detectors of safety find it; only counts and types are kept, never what stood there. What the transform of the same
name masked is no longer there to be found. `{name: secrets, column: personal_secret, above: 0}` is a rule that drops.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.core.config import literals
from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.safety.detection import Detector, detectors, find
from ingot.safety.finding import Finding, without_overlaps
from ingot.safety.policy import Policy


@dataclass(frozen=True)
class Config:
    """Which types or families count (none given: those that identify somebody directly), and how sure to be.

    `detectors` holds options by detector ({"user_pattern": {"patterns": {"customer": "C-[0-9]{6}"}}}).
    """

    types: tuple[str, ...] = ()
    detectors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    least_confidence: float = 0.5


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return how many findings each text has, in all and of each family, and the families joined by commas."""
    types, chosen = _chosen(json.dumps(literals(config), sort_keys=True))
    found = [
        Counter(each.family for each in without_overlaps(_counted(find(text, chosen), types, config.least_confidence)))
        for text in batch.strings
    ]
    families = sorted({kind.partition(".")[0] for kind in types})
    return [
        Annotation("personal_findings", _numbers(each.total() for each in found)),
        Annotation("personal_types", [",".join(sorted(each)) or None for each in found]),
        *(Annotation(f"personal_{name}", _numbers(each[name] for each in found)) for name in families),
    ]


def _counted(findings: Iterable[Finding], types: frozenset[str], least_confidence: float) -> Iterator[Finding]:
    for each in findings:
        if each.confidence >= least_confidence and (each.type in types or each.family in types):
            yield each


def _numbers(values: Iterable[int]) -> npt.NDArray[np.float64]:
    return np.array(list(values), np.float64)


@lru_cache(maxsize=4)
def _chosen(options: str) -> tuple[frozenset[str], Sequence[Detector]]:
    """Return the types that count and the detectors to run: looking plug-ins up takes longer than many a text."""
    given = json.loads(options)
    types = frozenset(given["types"] or Policy().wanted)
    return types, tuple(detectors(given["detectors"], types))
