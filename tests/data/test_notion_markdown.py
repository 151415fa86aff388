"""Notion's blocks become the Markdown a person would write."""

from __future__ import annotations

from typing import Any

from ingot.data.notion_markdown import page_markdown, page_title


def rich(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "plain_text": part} for part in text.split("~")]


def block(kind: str, text: str = "", *inner: dict[str, Any], **content: Any) -> dict[str, Any]:
    body = {"rich_text": rich(text), **content} if text else content
    return {"type": kind, "has_children": bool(inner), "_inner": list(inner), kind: body}


def markdown(*blocks: dict[str, Any], **properties: Any) -> str:
    return page_markdown("", properties, blocks, lambda found: found["_inner"])


def test_text_keeps_its_structure() -> None:
    assert markdown(
        block("heading_1", "Leave"),
        block("paragraph", "Thirty ~days."),
        block("bulleted_list_item", "one", block("numbered_list_item", "a"), block("numbered_list_item", "b")),
        block("bulleted_list_item", "two"),
        block("to_do", "pack", checked=True),
        block("numbered_list_item", "first"),
        block("numbered_list_item", "second"),
        block("quote", "said", block("paragraph", "more")),
        block("code", "x = 1", language="python"),
        block("divider"),
        block("equation", expression="a^2"),
    ) == (
        "# Leave\n\nThirty days.\n\n"
        "- one\n  1. a\n  2. b\n- two\n- [x] pack\n1. first\n2. second\n\n"
        "> said\n>\n> more\n\n```python\nx = 1\n```\n\n---\n\n$$\na^2\n$$\n"
    )


def test_tables_columns_and_toggles() -> None:
    rows = [block("table_row", cells=[rich("a|b"), rich("c")]), block("table_row", cells=[rich("1"), rich("2")])]
    text = markdown(
        block("table", "", *rows, table_width=2),
        block(
            "column_list",
            "",
            block("column", "", block("paragraph", "left")),
            block("column", "", block("paragraph", "right")),
        ),
        block("toggle", "More", block("paragraph", "hidden")),
        block("synced_block", "", block("paragraph", "shared")),
    )
    assert text == "| a\\|b | c |\n| --- | --- |\n| 1 | 2 |\n\nleft\n\nright\n\nMore\n\nhidden\n\nshared\n"


def test_pictures_give_their_caption_and_pages_their_title() -> None:
    text = markdown(
        block("image", caption=rich("A chart"), type="external", external={"url": "https://example.org/x.png"}),
        block("child_page", "", block("paragraph", "not here"), title="Below"),
        block("unsupported"),
        block("some_new_kind", "its text"),
        block("table", ""),
    )
    assert text == "A chart\n\nBelow\n\nits text\n"


def test_properties_are_lines() -> None:
    properties = {
        "Name": {"type": "title", "title": rich("Leave")},
        "Status": {"type": "status", "status": {"name": "Done"}},
        "Tags": {"type": "multi_select", "multi_select": [{"name": "a"}, {"name": "b"}]},
        "Due": {"type": "date", "date": {"start": "2026-11-02", "end": "2026-11-03"}},
        "Days": {"type": "number", "number": 30},
        "Sum": {"type": "formula", "formula": {"type": "number", "number": 7}},
        "Open": {"type": "checkbox", "checkbox": False},
        "Owner": {"type": "people", "people": [{"object": "user", "id": "u", "name": "Ada"}]},
        "None": {"type": "select", "select": None},
        "Related": {"type": "relation", "relation": [{"id": "x"}]},
    }
    assert page_title(properties) == "Leave"
    assert page_markdown("Leave", properties, [], lambda _: []) == (
        "# Leave\n\nDays: 30\nDue: 2026-11-02 - 2026-11-03\nOpen: no\nOwner: Ada\nStatus: Done\nSum: 7\nTags: a, b\n"
    )


def test_nesting_without_end_ends() -> None:
    endless: dict[str, Any] = block("toggle", "again", block("paragraph", "x"))
    endless["_inner"] = [endless]
    assert markdown(endless).count("again") < 50
