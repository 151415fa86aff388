"""Pages in Confluence's storage format become HTML that says what a reader sees."""

from __future__ import annotations

import pytest

from ingot.data.storage_format import page_html


def inner(body: str) -> str:
    return page_html("T", body).partition("</h1>")[2].partition("</body>")[0]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("<p>a &nbsp;&auml; &lt;b&gt; &amp; c</p>", "<p>a \xa0ä &lt;b&gt; &amp; c</p>"),
        (
            '<ac:structured-macro ac:name="code"><ac:parameter ac:name="language">py</ac:parameter>'
            "<ac:plain-text-body><![CDATA[if a < b:\n  x]]></ac:plain-text-body></ac:structured-macro>",
            "<div><pre>if a &lt; b:\n  x</pre></div>",
        ),
        (
            '<ac:structured-macro ac:name="x"><ac:rich-text-body><p>Note</p></ac:rich-text-body></ac:structured-macro>',
            "<div><div><p>Note</p></div></div>",
        ),
        ('<p>See <ac:link><ri:page ri:content-title="Leave"/></ac:link>.</p>', "<p>See Leave.</p>"),
        (
            '<p>See <ac:link><ri:page ri:content-title="X"/><ac:plain-text-link-body><![CDATA[this]]>'
            "</ac:plain-text-link-body></ac:link>.</p>",
            "<p>See this.</p>",
        ),
        ('<p>a<ac:image><ri:attachment ri:filename="x.png"/></ac:image>b<b>c</b>d</p>', "<p>ab<b>c</b>d</p>"),
        (
            "<ac:task-list><ac:task><ac:task-id>1</ac:task-id><ac:task-status>complete</ac:task-status>"
            "<ac:task-body>Pack</ac:task-body></ac:task></ac:task-list>",
            "<ul><li>[x] <span>Pack</span></li></ul>",
        ),
        (
            '<table style="x"><tbody><tr><td colspan="2">1</td></tr></tbody></table>',
            '<table><tbody><tr><td colspan="2">1</td></tr></tbody></table>',
        ),
        ('<p>on <time datetime="2026-11-02"/></p>', "<p>on 2026-11-02</p>"),
        ("<p>torn <b>tags</p>", "<p>torn <b>tags</p>"),
        ("<p>torn <ac:x>own</ac:x></b>", "<p>torn own</b>"),
        ("", ""),
    ],
)
def test_bodies(body: str, shown: str) -> None:
    assert inner(body) == shown


def test_a_title_is_text_and_the_page_says_its_encoding() -> None:
    page = page_html("A & <b>", "")
    assert "<title>A &amp; &lt;b&gt;</title>" in page
    assert '<meta charset="utf-8">' in page


def test_deep_nesting_and_entities_do_no_harm() -> None:
    assert "deep" in page_html("T", "<div>" * 5000 + "deep" + "</div>" * 5000)
    assert "lol" not in page_html("T", '<!DOCTYPE a [<!ENTITY x "lol">]><p>&x;</p>').replace('"lol"', "")
