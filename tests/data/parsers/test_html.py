"""HTML becomes its text, in the encoding the page has."""

from __future__ import annotations

import pytest

from ingot.core.errors import InputError
from tests.data.samples import parse

PAGE = "<html><head><meta charset='{charset}'><title>T</title><script>var x</script></head><body>{body}</body></html>"


def text(body: str, charset: str = "utf-8", encoding: str = "utf-8") -> str:
    (document,) = parse("html", "a.html", PAGE.format(charset=charset, body=body).encode(encoding))
    return document.text


def test_structure_stays_and_machinery_goes() -> None:
    found = text("<h1>Go</h1><p>You <b>may</b> <a href='https://x.y'>go</a>.</p><ul><li>one</li></ul><img src=x.png>")
    assert "# Go" in found
    assert "You **may** go." in found
    assert "- one" in found
    assert "var x" not in found
    assert "x.y" not in found
    assert "x.png" not in found


def test_tables_become_rows() -> None:
    found = text("<table><tr><th>Name</th><th>Age</th></tr><tr><td>Anna</td><td>42</td></tr></table>")
    assert "| Name | Age |" in found
    assert "| Anna | 42 |" in found


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("windows-1252", "cp1252"),
        ("iso-8859-1", "latin-1"),
        ("utf-8", "cp1252"),
        ("no-such", "utf-8"),
        ("hex", "utf-8"),
    ],
)
def test_the_encoding_is_the_declared_one_unless_it_is_wrong(charset: str, encoding: str) -> None:
    assert "schöne Größe" in text("<p>Eine schöne Größe, über alles und für alle.</p>", charset, encoding)


def test_a_page_in_utf_16() -> None:
    (document,) = parse("html", "a.html", PAGE.format(charset="utf-16", body="<p>größer</p>").encode("utf-16"))
    assert document.text.endswith("größer")


def test_a_page_nested_too_deep_is_said_to_be_that() -> None:
    with pytest.raises(InputError, match="lie 502 deep in one another") as caught:
        text("<div>" * 500 + "Under all of them." + "</div>" * 500)
    assert "save it as plain text" in caught.value.fix


@pytest.mark.parametrize("body", ["<p>" * 100, "<img src=x.png>" * 100, "<div><br/></div>" * 100])
def test_a_page_with_many_elements_and_no_text_is_not_deep(body: str) -> None:
    with pytest.raises(InputError, match="no text"):
        text(body)
