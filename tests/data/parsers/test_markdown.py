"""Markdown without settings and pictures."""

from __future__ import annotations

from tests.data.samples import parse


def text(payload: str) -> str:
    (document,) = parse("markdown", "a.md", payload.encode())
    return document.text


def test_a_title_that_stands_nowhere_becomes_a_heading() -> None:
    assert text("---\ntitle: Parental leave\n---\n\nFive days.\n") == "# Parental leave\n\nFive days.\n"


def test_a_licence_becomes_the_documents() -> None:
    (document,) = parse("markdown", "a.md", b"---\nlicense: CC-BY-4.0\n---\nText.\n")
    assert document.licence == "CC-BY-4.0"


def test_front_matter_goes() -> None:
    assert text("---\ntitle: Leave\ntags: [a]\n---\n# Leave\n") == "# Leave\n"


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    page = "---\nJust a rule above.\n\n---\nAnd one below.\n"
    assert text(page) == page


def test_an_embedded_picture_goes_and_its_alternative_text_stays() -> None:
    page = f"See ![the plan](data:image/png;base64,{'QUJD' * 100}) here.\n"
    assert text(page) == "See ![the plan]() here.\n"
