from __future__ import annotations

from ingot.plan.disk import build_bytes


def test_disk_grows_with_text_and_with_the_model() -> None:
    assert build_bytes(2_000_000, 10**6) > build_bytes(1_000_000, 10**6)
    assert build_bytes(1_000_000, 2 * 10**6) > build_bytes(1_000_000, 10**6)


def test_the_estimate_covers_every_copy_of_the_text() -> None:
    # Documents, train and dropped text, and two bytes a token at about four bytes of text each.
    assert build_bytes(10**9, 10**6) > 2 * 10**9
