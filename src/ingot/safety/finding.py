"""The Finding: where a detector saw personal data, of which type, and how sure it is. It never holds the text itself.

Types are words such as `email` or `person`; a dot names a member of a family (`national_id.us_ssn`, `secret.jwt`).
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A span in characters (`end` exclusive), its type, who found it, and a confidence between 0 and 1."""

    start: int
    end: int
    type: str
    detector: str
    confidence: float

    @property
    def family(self) -> str:
        """The type without its member: `secret` for `secret.jwt`."""
        return self.type.partition(".")[0]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings by place; equal places by the surer one, then by detector and type."""
    return sorted(set(findings), key=lambda each: (each.start, each.end, -each.confidence, each.detector, each.type))


def without_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings that do not overlap, in order: the longest wins, then the surest, then the first detector's name.

    The outcome does not depend on the order of the input.

    >>> name, mail = Finding(0, 4, "person", "person", 0.9), Finding(0, 15, "email", "email", 0.9)
    >>> [each.type for each in without_overlaps([name, mail])]
    ['email']
    """
    ranked = sorted(
        findings,
        key=lambda each: (each.start - each.end, -each.confidence, each.detector, each.start, each.type),
    )
    starts: list[int] = []
    chosen: list[Finding] = []
    for finding in ranked:
        place = bisect.bisect_left(starts, finding.end)
        if place == 0 or chosen[place - 1].end <= finding.start:
            starts.insert(place, finding.start)
            chosen.insert(place, finding)
    return chosen
