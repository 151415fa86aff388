"""The scorer counts sentences, and its threshold is an option."""

from __future__ import annotations

from ingot.evaluate.scorers.grounded import Config, score

PASSAGES = ("The landlord may end the lease early.",)


def test_the_threshold_decides_what_is_supported() -> None:
    said = "The landlord hates noisy parties. The landlord may end the lease early."
    assert score(said, PASSAGES, Config()) == 0.5
    assert score(said, PASSAGES, Config(least=0.2)) == 1
    assert score("", PASSAGES, Config()) == 0
