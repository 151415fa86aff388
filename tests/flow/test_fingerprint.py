from __future__ import annotations

import pytest

from ingot.flow.fingerprint import fingerprint

BASE = {"run": "a:b", "version": 1, "config": {"x": 1, "y": [2.5]}, "inputs": {"i": "f"}, "sources": {"s": "d"}}


def test_order_of_keys_does_not_count() -> None:
    other = {**BASE, "config": {"y": [2.5], "x": 1}}
    assert fingerprint(**BASE) == fingerprint(**other)


@pytest.mark.parametrize(
    "change",
    [{"run": "a:c"}, {"version": 2}, {"config": {"x": 1, "y": [2.6]}}, {"inputs": {"i": "g"}}, {"sources": {"s": "e"}}],
)
def test_everything_of_the_identity_counts(change: dict[str, object]) -> None:
    assert fingerprint(**BASE) != fingerprint(**{**BASE, **change})


def test_is_the_same_for_ever() -> None:
    assert fingerprint("a:b", 1, {}, {}, {}) == "57dfbbe42cb1c47cb552942bfc030c29"
