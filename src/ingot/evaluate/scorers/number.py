"""1 when the number an answer ends with is the right one: what follows `####`, else the last number in it.

Numbers are compared as numbers: 1,000 is 1000.0, and $5 is 5.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

# A minus belongs to a number unless something is taken away there: 5-3 holds a 5 and a 3.
_NUMBER = re.compile(r"(?:(?<![\w)])-)?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")


@dataclass(frozen=True)
class Config:
    """Nothing to set."""


def score(said: str, right: Sequence[str], config: Config) -> float:
    """Return 1 or 0.

    >>> score("16 - 7 = 9, so $9 * 2 = $18.00", ["#### 18"], Config())
    1.0
    """
    number = last_number(said)
    return float(number is not None and number in {last_number(each) for each in right})


def last_number(text: str) -> Decimal | None:
    """Return the number a text ends with; None when it has none."""
    _, mark, after = text.rpartition("####")
    found = _NUMBER.findall(after if mark else text) or _NUMBER.findall(text)
    if not found:
        return None
    # Behind the mark stands the answer; elsewhere the last number is what the working came to.
    return Decimal((found[0] if mark and _NUMBER.search(after) else found[-1]).replace(",", ""))
