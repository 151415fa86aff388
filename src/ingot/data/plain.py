"""Markdown as a library renders it, made plain: what is for a browser or a renderer goes, what a person reads stays.

Pictures, link addresses, escapes and runs of blank lines go; tables that only frame a text become that text; lists of
nothing but links, which are menus, go from web pages.
"""

from __future__ import annotations

import re

from ingot.data.decoding import uniform_lines

_ADDRESS = r"\((?:<[^<>]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\)"
_PICTURE = re.compile(r"\\?!\[[^\[\]]*\]" + _ADDRESS)
_LINK = re.compile(r"\[([^\[\]]*)\](" + _ADDRESS + ")")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]<>()#+\-.!&~$])")
_LINE_OF_TEXT = re.compile(r"(?m)^(?!\|).*$")
_BLANK_LINES = re.compile(r"\n[ \t\xa0]*\n(?:[ \t\xa0]*\n)+")
# A header and its rule, and no row below.
_FRAME = re.compile(r"(?m)^\|(.*)\|[ \t]*\n\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*$(?!\n\|)")
_EMBEDDED = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=\s]{64,}")
_BORDER = re.compile(r"(?<!\\)\|")
# What a table inside a cell leaves of its own rule, and an item of a list that held only a picture.
_INNER_RULE = re.compile(r"\\\|(?:[ \t]*:?-{3,}:?[ \t]*\\\|)+")
_EMPTY_ITEM = re.compile(r"(?m)^[ \t]*[-*+•][ \t]*$\n?")
# The dots of a table of contents.
_LEADERS = re.compile(r"(?: ?\.){6,} ?|(?: \.){4,} ?")
_MENU_ITEM = r"[ \t]*(?:[-*+]|\d+\.)[ \t]+(?:\[[^\[\]\n]*\]\([^()\n]*(?:\([^()\n]*\)[^()\n]*)*\)[ \t|·•/,]*)+\n"
_MENU = re.compile(rf"(?m)(?:^{_MENU_ITEM}){{8,}}")


def plain(markdown: str) -> str:
    """Return Markdown without pictures, link addresses, frames, leaders, needless escapes and runs of blank lines."""
    text = uniform_lines(markdown).encode("utf-8", errors="replace").decode("utf-8")
    text = _ESCAPE.sub(r"\1", _LINK.sub(_text_of_link, _PICTURE.sub("", text)))
    text = _FRAME.sub(_text_in_frame, _EMPTY_ITEM.sub("", _INNER_RULE.sub("\\\\|", text)))
    text = _LEADERS.sub(" ... ", text)
    if "\\|" in text:  # inside a table it is what keeps a bar from being a border
        text = _LINE_OF_TEXT.sub(lambda line: line[0].replace("\\|", "|"), text)
    return _BLANK_LINES.sub("\n\n", text).strip()


def without_embedded(markdown: str) -> str:
    """Return Markdown without the bytes of pictures that are written into it, which can be longer than the page."""
    return _EMBEDDED.sub("", markdown)


def without_menus(markdown: str) -> str:
    """Return the Markdown of a web page without lists of eight and more items that are all links.

    A page of nothing else is a list of contents, and stays.
    """
    rest = _MENU.sub("", uniform_lines(markdown) + "\n")
    return rest if rest.strip() else markdown


def _text_of_link(link: re.Match[str]) -> str:
    text, address = link[1], link[2].strip("()<>")
    # A picture without words that leads somewhere has its address for a text.
    return "" if text == address and "://" not in text else text


def _text_in_frame(frame: re.Match[str]) -> str:
    return "  ".join(cell.strip() for cell in _BORDER.split(frame[1]) if cell.strip())
