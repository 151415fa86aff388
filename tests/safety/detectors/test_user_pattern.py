from __future__ import annotations

import pytest

from ingot.core.errors import UsageError
from ingot.safety.detection import detectors
from tests.safety.detectors.found import found


def test_matches_and_first_groups_are_found_under_their_name() -> None:
    patterns = {"customer": r"\bC-[0-9]{6}\b", "project": r"project ([A-Z]{4})"}
    text = "C-123456 ordered for project ORCA"
    assert found("user_pattern", text, patterns=patterns) == [("user.customer", "C-123456"), ("user.project", "ORCA")]


def test_what_would_hang_other_engines_does_not() -> None:
    text = "a" * 100_000
    assert found("user_pattern", text, patterns={"evil": r"(a+)+$"}) == [("user.evil", text)]


def test_a_pattern_that_cannot_be_used_is_named() -> None:
    with pytest.raises(UsageError, match="cannot be used") as caught:
        detectors({"user_pattern": {"patterns": {"customer": "(?<=C-)[0-9]+"}}})
    assert "customer" in caught.value.where


def test_a_name_is_one_word() -> None:
    with pytest.raises(UsageError, match="cannot name a pattern"):
        detectors({"user_pattern": {"patterns": {"my customers": "C"}}})
