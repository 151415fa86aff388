"""Front matter gives a title and a licence, and can do no harm."""

from __future__ import annotations

import pytest

from ingot.data.front_matter import FrontMatter, read_front_matter


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("---\ntitle: Leave\ntags: [a]\n---\nText\n", FrontMatter("Text\n", "Leave")),
        ('---\n"title": "A: B"\nlicense: MIT\n...\nText', FrontMatter("Text", "A: B", "MIT")),
        ('+++\ntitle = "Leave"\ndate = 2024-01-01\n+++\nText', FrontMatter("Text", "Leave")),
        ("---\n# a comment\n\ntitle: Leave\n---\nText", FrontMatter("Text", "Leave")),
        ("---\ntitle: [broken\n---\nText", FrontMatter("Text")),
        ("---\ntitle: 5\n---\nText", FrontMatter("Text")),
        ("---\nJust a rule above.\n\n---\nText", FrontMatter("---\nJust a rule above.\n\n---\nText")),
        ("---\ntitle: never closed\n", FrontMatter("---\ntitle: never closed\n")),
        ("Text", FrontMatter("Text")),
        ("", FrontMatter("")),
    ],
)
def test_pages(page: str, expected: FrontMatter) -> None:
    assert read_front_matter(page) == expected


def test_references_that_multiply_are_not_followed() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert read_front_matter(f"---\n{bomb}title: Leave\n---\nText") == FrontMatter("Text", "Leave")


def test_a_tag_that_would_run_code_is_no_field() -> None:
    page = "---\ntitle: !!python/object/apply:os.system ['true']\n---\nText"
    assert read_front_matter(page) == FrontMatter("Text")


def test_deep_nesting_is_left_out() -> None:
    assert read_front_matter(f"---\na: {'[' * 3000}\n---\nText") == FrontMatter("Text")
