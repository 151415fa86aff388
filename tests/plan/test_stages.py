from __future__ import annotations

from ingot.plan.stages import other_seconds


def test_more_text_takes_longer_and_more_cores_shorter() -> None:
    def total(train_bytes: int, cores: int) -> float:
        return sum(other_seconds(train_bytes, train_bytes // 20, cores).values())

    assert total(20_000_000, 2) > total(10_000_000, 2) > total(10_000_000, 8)


def test_scoring_stops_growing_with_the_held_out_text() -> None:
    some, more = other_seconds(0, 500_000, 2), other_seconds(0, 5_000_000, 2)
    assert some["report"] == more["report"]
