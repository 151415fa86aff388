"""Whether it is known under which licence a text may be used, or whether that licence is one of those allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.data.inputs import terms

_SAYS_NOTHING = frozenset(
    {"", "-", "?", "n/a", "na", "none", "null", "other", "tbd", "noassertion", "unknown", "unspecified"}
)


@dataclass(frozen=True)
class Config:
    """Which licences count as known: those listed, whatever their case, or any that says something when none is."""

    allowed: tuple[str, ...] = ()


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return which documents have a licence that is known."""
    allowed = {licence.strip().lower() for licence in config.allowed}
    licences = [(licence or "").strip().lower() for licence in terms(batch, "licence")]
    known = [licence in allowed if allowed else licence not in _SAYS_NOTHING for licence in licences]
    return [Annotation("licence_known", np.array(known, np.bool_))]
