from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingot.safety.wordtable import WordTable, seen

HASHES = st.integers(1, (1 << 64) - 1)
# Many of these share their first bits, and so their first slot.
CROWDED = st.builds(lambda high, low: high << 60 | low, st.integers(0, 3), st.integers(1, 50))


@given(st.dictionaries(HASHES | CROWDED, st.integers(1, 65535)), st.lists(HASHES | CROWDED))
def test_it_is_a_dictionary(classes: dict[int, int], others: list[int]) -> None:
    asked = [*classes, *others]
    found = WordTable(classes).look_up(np.array(asked, dtype=np.uint64))
    assert found.tolist() == [classes.get(each, 0) for each in asked]


@given(st.lists(HASHES | CROWDED), st.lists(HASHES | CROWDED))
def test_seen_is_membership(wanted: list[int], among: list[int]) -> None:
    found = seen(np.array(wanted, dtype=np.uint64), np.array(among, dtype=np.uint64))
    assert found.tolist() == [each in set(among) for each in wanted]
