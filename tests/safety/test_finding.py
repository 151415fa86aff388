from __future__ import annotations

import itertools
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ingot.safety.finding import Finding, in_order, without_overlaps

FINDINGS = st.builds(
    lambda start, length, kind, detector, confidence: Finding(start, start + length, kind, detector, confidence),
    st.integers(0, 30),
    st.integers(1, 8),
    st.sampled_from(["person", "email", "secret.jwt"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from([0.5, 0.9]),
)


def test_the_longest_wins_then_the_surest_then_the_first_name() -> None:
    short, long = Finding(2, 5, "person", "a", 0.99), Finding(0, 6, "email", "b", 0.5)
    assert without_overlaps([short, long]) == [long]
    unsure, sure = Finding(0, 4, "person", "a", 0.5), Finding(2, 6, "phone", "b", 0.9)
    assert without_overlaps([unsure, sure]) == [sure]
    first, second = Finding(0, 4, "person", "a", 0.5), Finding(0, 4, "phone", "b", 0.5)
    assert without_overlaps([second, first]) == [first]


def test_neighbours_stay() -> None:
    left, right = Finding(0, 3, "person", "a", 0.5), Finding(3, 6, "person", "a", 0.5)
    assert without_overlaps([right, left]) == [left, right]


@given(st.lists(FINDINGS, max_size=12), st.randoms())
def test_what_remains_is_ordered_apart_and_the_same_for_any_order(findings: list[Finding], random: Random) -> None:
    kept = without_overlaps(findings)
    assert all(left.end <= right.start for left, right in itertools.pairwise(kept))
    random.shuffle(findings)
    assert without_overlaps(findings) == kept
    assert all(any(each.start < k.end and k.start < each.end for k in kept) for each in findings)


def test_order_is_by_place_and_without_repeats() -> None:
    finding = Finding(3, 5, "secret.jwt", "a", 0.5)
    assert in_order([finding, Finding(1, 2, "email", "a", 0.5), finding])[0].start == 1
    assert len(in_order([finding, finding])) == 1
    assert finding.family == "secret"
