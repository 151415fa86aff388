"""What a run may spend: seconds, joules or money, over all its attempts. Never part of what a result is.

Training ends by steps. A limit only says when to save and stop for now; with a higher one the same run goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Prices:
    """What an hour of the machine and a kilowatt-hour cost, in any one currency; 0 is not counted."""

    per_hour: float = 0.0
    per_kwh: float = 0.0

    def of(self, seconds: float, joules: float | None) -> float | None:
        """Return what so much costs; None when a price is known of what is not, or there are no prices."""
        if not (self.per_hour or self.per_kwh) or (self.per_kwh and joules is None):
            return None
        return seconds / 3600 * self.per_hour + (joules or 0.0) / JOULES_PER_KWH * self.per_kwh


@dataclass(frozen=True)
class Allowance:
    """How much may be spent, 0 without limit; and what earlier attempts at the same thing have cost already."""

    seconds: float = 0.0
    joules: float = 0.0
    money: float = 0.0
    per_hour: float = 0.0
    per_kwh: float = 0.0
    spent_seconds: float = 0.0
    spent_joules: float | None = 0.0

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self.seconds or self.joules or self.money)

    @property
    def prices(self) -> Prices:
        """What time and energy cost."""
        return Prices(self.per_hour, self.per_kwh)
