"""A verdict for a pull request: read at a glance, and nothing from outside opens a column or a tag."""

from __future__ import annotations

from ingot.evaluate.gating.markdown import as_markdown
from tests.evaluate.gating.test_junit import told


def test_a_page_begins_with_the_verdict() -> None:
    page = as_markdown(told("pass", "fail", "unsure", against="acme@1"))
    assert page.startswith("## Gate: `acme@2` must not be promoted\n\n**❌ fail** against `acme@1`.\n")
    assert page.count("| quality |") == 3
    assert "To be sure:\n\n- ask\n" in page
    assert "- safety, refusals: nobody asked" in page
    assert page.endswith("at most 5\n")


def test_a_first_model_has_nothing_to_be_held_against() -> None:
    page = as_markdown(told(verdict="unsure", requirements=[]))
    assert "with no version in use" in page
    assert "No requirement was asked." in page


def test_a_name_cannot_break_the_table() -> None:
    facts = told("fail")
    facts["requirements"][0]["demands"] = "a | b\n<script>alert(1)</script>"
    page = as_markdown(facts)
    assert "a \\| b &lt;script>" in page
