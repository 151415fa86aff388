"""Findings are counted by family; what only describes a person does not count unless it is asked for."""

from __future__ import annotations

from typing import Any

from ingot.data.batch import of_texts
from ingot.data.filters.personal_data import Config, annotate

TEXT = "Dear Anna Rossi, mail ann@example.org or bob@example.org, or pay to DE89 3704 0044 0532 0130 00."


def columns(texts: list[str], **options: Any) -> dict[str, list[Any]]:
    return {each.column: list(each.values) for each in annotate(of_texts(texts), Config(**options))}


def test_findings_are_counted_by_family() -> None:
    found = columns([TEXT, "Nothing of the kind.", ""])
    assert found["personal_findings"] == [4, 0, 0]
    assert found["personal_types"] == ["email,iban,person", None, None]
    assert found["personal_email"] == [2, 0, 0]
    assert found["personal_phone"] == [0, 0, 0]


def test_columns_depend_on_the_settings_alone() -> None:
    assert list(columns([TEXT])) == list(columns([""]))
    assert list(columns([TEXT], types=("email",))) == ["personal_findings", "personal_types", "personal_email"]


def test_types_can_be_chosen() -> None:
    assert columns([TEXT], types=("iban",))["personal_findings"] == [1]


def test_unsure_findings_do_not_count() -> None:
    assert columns([TEXT], least_confidence=1.01)["personal_findings"] == [0]


def test_your_own_patterns_count() -> None:
    patterns = {"user_pattern": {"patterns": {"customer": r"\bC-[0-9]{6}\b"}}}
    assert columns(["Customer C-123456 called."], detectors=patterns)["personal_user"] == [1]
