"""Confluence's storage format as plain HTML: what a reader of the page sees, without macros' settings and markup.

The format is XHTML with elements of its own (`ac:`, `ri:`). Code and other plain bodies become `pre`, rich bodies stay,
links become their text, pictures and settings go.
"""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree

_SPACES = 'xmlns:ac="ac" xmlns:ri="ri" xmlns:at="at"'
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_OWN_TAG = re.compile(r"</?(?:ac|ri|at):[^>]*>")
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_DROPPED = (
    "{ac}parameter",
    "{ac}image",
    "{ac}emoticon",
    "{ac}placeholder",
    "{ac}task-id",
    "{ac}task-uuid",
    "{ac}adf-node",
)
_WITH_ATTRIBUTES = ("td", "th", "ol", "a")
_RENAMED = {
    "{ac}plain-text-body": "pre",
    "{ac}rich-text-body": "div",
    "{ac}task-list": "ul",
    "{ac}task": "li",
    "{ac}task-body": "span",
    "{ac}layout-section": "section",
    "{ac}layout-cell": "div",
}


def page_html(title: str, body: str) -> str:
    """Return a page of HTML with a title and a body in storage format; what is no XML is kept without the own tags."""
    cleaned = _CONTROL.sub("", _ENTITY.sub(_character, body))
    try:
        root = ElementTree.fromstring(f"<body {_SPACES}>{cleaned}</body>")
        _plain(root)
        inner = ElementTree.tostring(root, encoding="unicode", method="html")
        inner = inner.removeprefix("<body>").removesuffix("</body>")
    except (ElementTree.ParseError, ValueError, RecursionError):
        inner = _OWN_TAG.sub("", _CDATA.sub(lambda match: f"<pre>{html.escape(match[1])}</pre>", body))
    heading = html.escape(title)
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{heading}</title></head>'
        f"<body><h1>{heading}</h1>{inner}</body></html>"
    )


def _character(match: re.Match[str]) -> str:
    """Write out HTML's entities, which XML does not know; a document type could declare others, and there is none."""
    return match[0] if match[1] in _XML_ENTITIES else html.escape(html.unescape(match[0]))


def _plain(element: ElementTree.Element) -> None:
    for child in list(element):
        if child.tag in _DROPPED:
            _replace(element, child, "")
        elif child.tag == "{ac}task-status":
            _replace(element, child, "[x] " if (child.text or "").strip() == "complete" else "[ ] ")
        elif child.tag == "{ac}link":
            _replace(element, child, _link_text(child))
        elif child.tag == "time" and not child.text:
            _replace(element, child, child.get("datetime", ""))
        else:
            _plain(child)
            child.tag = _RENAMED.get(str(child.tag), "div" if str(child.tag).startswith("{") else child.tag)
            if child.tag not in _WITH_ATTRIBUTES:
                child.attrib.clear()


def _link_text(link: ElementTree.Element) -> str:
    written = "".join("".join(part.itertext()) for part in link if str(part.tag).endswith("link-body"))
    named = (part.get("{ri}content-title") or part.get("{ri}filename") or "" for part in link)
    return written.strip() or next((name for name in named if name), "")


def _replace(parent: ElementTree.Element, child: ElementTree.Element, text: str) -> None:
    """Put a text where an element was."""
    text += child.tail or ""
    place = list(parent).index(child)
    if place:
        before = parent[place - 1]
        before.tail = (before.tail or "") + text
    else:
        parent.text = (parent.text or "") + text
    parent.remove(child)
