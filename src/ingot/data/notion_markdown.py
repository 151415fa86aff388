"""Notion's blocks as Markdown, after the published description of its API (version 2022-06-28).

Text keeps its structure (headings, lists, tables, code); of pictures and files only the caption stays, of mentions and
links the text. A block of a kind that is not known gives what text it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Block = Mapping[str, Any]
Children = Callable[[Block], Sequence[Block]]

_HEADINGS = {"heading_1": "# ", "heading_2": "## ", "heading_3": "### "}
_SILENT = ("table_of_contents", "breadcrumb", "unsupported", "link_to_page")
_THROUGH = ("column_list", "column", "synced_block")
_MOST_DEPTH = 30


def page_markdown(title: str, properties: Mapping[str, Any], blocks: Sequence[Block], children: Children) -> str:
    """Return a page: its title, its properties as lines, its blocks. `children` gives the blocks inside a block."""
    named = "\n".join(f"{name}: {text}" for name, text in sorted(_properties(properties)))
    body = "\n\n".join(_paragraphs(blocks, children, 0))
    return "\n\n".join(part for part in (f"# {title}" if title else "", named, body) if part) + "\n"


def page_title(properties: Mapping[str, Any]) -> str:
    """Return the title among a page's properties."""
    found = (each for each in properties.values() if each.get("type") == "title")
    return next((plain_text(each["title"]) for each in found), "")


def plain_text(rich_text: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of a rich text."""
    return "".join(part.get("plain_text", "") for part in rich_text)


def _paragraphs(blocks: Sequence[Block], children: Children, depth: int) -> Iterator[str]:
    """Yield what stands between empty lines: a list is one paragraph, everything else its own."""
    items: list[str] = []
    number = 0
    for block in blocks:
        kind = block["type"]
        number = number + 1 if kind == "numbered_list_item" else 0
        if kind in ("bulleted_list_item", "numbered_list_item", "to_do"):
            items.append(_item(block, number, children, depth))
            continue
        if items:
            yield "\n".join(items)
            items = []
        yield from (text for text in _block(block, children, depth) if text.strip())
    if items:
        yield "\n".join(items)


def _item(block: Block, number: int, children: Children, depth: int) -> str:
    kind = block["type"]
    marks = {"numbered_list_item": f"{number}. ", "to_do": "- [x] " if block[kind].get("checked") else "- [ ] "}
    mark = marks.get(kind, "- ")
    inner = "\n".join(_inside(block, children, depth))
    lines = [plain_text(block[kind].get("rich_text", [])), *(inner.split("\n") if inner else [])]
    return mark + ("\n" + " " * len(mark)).join(lines)


def _block(block: Block, children: Children, depth: int) -> Iterator[str]:
    kind = block["type"]
    content = block.get(kind) or {}
    text = plain_text(content.get("rich_text", []))
    if kind in _SILENT:
        return
    if kind in _HEADINGS:
        yield _HEADINGS[kind] + text
    elif kind == "code":
        yield f"```{content.get('language', '').replace('plain text', '')}\n{text}\n```"
    elif kind in ("quote", "callout"):
        inner = "\n\n".join(part for part in (text, *_inside(block, children, depth)) if part)
        yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))
        return
    elif kind == "equation":
        yield f"$$\n{content.get('expression', '')}\n$$"
    elif kind == "divider":
        yield "---"
    elif kind == "table":
        yield _table(block, children)
        return
    elif kind in ("child_page", "child_database"):
        yield content.get("title", "")
        return  # a page of its own
    elif kind not in _THROUGH:
        yield text or plain_text(content.get("caption", []))
    yield from _inside(block, children, depth)


def _inside(block: Block, children: Children, depth: int) -> Iterator[str]:
    if block.get("has_children") and depth < _MOST_DEPTH:
        yield from _paragraphs(children(block), children, depth + 1)


def _table(block: Block, children: Children) -> str:
    rows = [
        [plain_text(cell).replace("|", "\\|").replace("\n", " ") for cell in row["table_row"]["cells"]]
        for row in children(block)
    ]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines[:1], f"|{' --- |' * len(rows[0])}", *lines[1:]]) if rows else ""


def _properties(properties: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, found in properties.items():
        text = _property(found, found.get("type", ""))
        if text and found.get("type") != "title":
            yield name, text


def _property(found: Mapping[str, Any], kind: str) -> str:
    value = found.get(kind)
    if kind in ("rich_text", "title"):
        return plain_text(value or [])
    if kind in ("select", "status"):
        return str(value["name"]) if value else ""
    if kind == "multi_select":
        return ", ".join(str(each["name"]) for each in value or [])
    if kind == "people":
        return ", ".join(str(each.get("name", "")) for each in value or [])
    if kind == "date":
        return " - ".join(str(value[end]) for end in ("start", "end") if value.get(end)) if value else ""
    if kind == "checkbox":
        return "yes" if value else "no"
    if kind == "formula":
        return _property(value, value["type"]) if value and value.get("type") != "boolean" else ""
    plain = kind in ("number", "string", "url", "email", "phone_number", "created_time", "last_edited_time")
    return str(value) if plain and value is not None else ""
