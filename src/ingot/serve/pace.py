"""How long until somebody who finds no room should ask again: as long as those before will take."""

from __future__ import annotations

import math

UNKNOWN_SECONDS = 2
LONGEST_SECONDS = 60  # a caller that is told more does something else
_WEIGHT = 0.1  # of the last answer: some twenty of them make the mean


class Pace:
    """A moving mean of how long answers hold their slots."""

    def __init__(self) -> None:
        self._mean: float | None = None

    def note(self, seconds: float) -> None:
        """Count an answer that held its slot for so long."""
        self._mean = seconds if self._mean is None else (1 - _WEIGHT) * self._mean + _WEIGHT * seconds

    def wait(self, before: int, at_once: int) -> int:
        """Return the whole seconds until so many requests are answered, so many at once; at least one."""
        if self._mean is None:
            return UNKNOWN_SECONDS
        return max(1, min(LONGEST_SECONDS, math.ceil(self._mean * before / at_once)))
