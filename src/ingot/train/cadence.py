"""How often a training saves between its regular checkpoints: as often as pays.

A stop costs the work since the last save, and a save costs its own time. Together they cost least with
sqrt(2 * seconds of a save * seconds between two stops) between two saves (Young, 1974, "A first order approximation to
the optimum checkpoint interval"). How long a machine lasts nobody knows beforehand; the best guess is how long it has
lasted: a training in its first minute saves every few seconds, after a day every few minutes, and sooner again where
it is stopped again and again.
"""

from __future__ import annotations

import math

SHORTEST_SECONDS = 2.0


def seconds_between_saves(cost: float, trained: float, starts: int) -> float:
    """Return how long to wait after a save that took `cost` seconds.

    `trained` seconds were spent in steps that are kept, over `starts` starts.

    >>> [round(seconds_between_saves(0.2, trained, 1)) for trained in (1, 60, 3600, 86400)]
    [2, 5, 38, 186]
    >>> round(seconds_between_saves(0.2, 3600, 60))
    5
    """
    return max(SHORTEST_SECONDS, math.sqrt(2 * cost * trained / max(starts, 1)))
