"""One order out of several: reciprocal rank fusion (Cormack, Clarke and Büttcher 2009).

What stands at place r of an order gets 1 / (60 + r) from it. Scores of different rankers cannot be compared, places
can.
"""

from __future__ import annotations

from collections.abc import Sequence

_K = 60  # the paper's; it does not matter much (section 3)


def fused(orders: Sequence[Sequence[int]]) -> list[tuple[int, float]]:
    """Return all numbers of some orders, best first, each with its sum; equal ones in the order of their numbers.

    >>> [number for number, _ in fused([[7, 8, 9], [8, 7], [8]])]
    [8, 7, 9]
    """
    total: dict[int, float] = {}
    for order in orders:
        for place, number in enumerate(order, start=1):
            total[number] = total.get(number, 0.0) + 1 / (_K + place)
    return sorted(total.items(), key=lambda each: (-each[1], each[0]))
