"""How good an order of documents is: recall, reciprocal rank and nDCG of its first places.

All three take `gains`: of each place, best first, how many wanted things it brought that had not been found before.
Relevance is yes or no here: nothing is a little relevant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def recall(gains: Sequence[int], wanted: int) -> float:
    """Return the share of what is wanted that was found."""
    return sum(gains) / wanted


def reciprocal_rank(gains: Sequence[int]) -> float:
    """Return one over the first place that was wanted (Voorhees 1999); 0 where none was.

    >>> reciprocal_rank([0, 1])
    0.5
    """
    return next((1 / place for place, gain in enumerate(gains, start=1) if gain), 0.0)


def ndcg(gains: Sequence[int], wanted: int, depth: int) -> float:
    """Return the discounted gain over that of the best order of `depth` places (Järvelin and Kekäläinen 2002).

    >>> ndcg([1, 0], wanted=1, depth=10)
    1.0
    """
    best = sum(_discount(place) for place in range(1, min(wanted, depth) + 1))
    return sum(_discount(place) for place, gain in enumerate(gains[:depth], start=1) if gain) / best


def _discount(place: int) -> float:
    return 1 / math.log2(place + 1)
