from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from ingot.core.pages import render

TEMPLATE = """{% extends "page.html.jinja" %}
{% block title %}{{ name }}{% endblock %}
{% block look %}.own { color: red; }{% endblock %}
{% block main %}<p>{{ name }}</p>{% endblock %}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "own.html.jinja"
    path.write_text(TEMPLATE, encoding="utf-8")
    return path


def test_a_page_has_the_common_look_and_its_own(template: Path) -> None:
    page = render(template, {"name": "Ada"})
    assert page.startswith("<!doctype html>")
    assert "<title>Ada</title>" in page
    assert "@media (prefers-color-scheme: dark)" in page
    assert ".own { color: red; }" in page


def test_values_are_escaped_and_the_page_allows_nothing(template: Path) -> None:
    page = render(template, {"name": "<script>alert(1)</script>"})
    assert "<script" not in page
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


def test_a_missing_value_is_an_error(template: Path) -> None:
    with pytest.raises(jinja2.UndefinedError):
        render(template, {})
