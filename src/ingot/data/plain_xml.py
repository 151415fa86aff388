"""XML without what makes it dangerous: a document type, and with it entities of its own, is refused.

Sitemaps, WebDAV listings and wiki exports have none; what expands to gigabytes or names other files has to declare it
there.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ingot.core.errors import InputError

PROLOG_BYTES = 64 << 10
_ROOT = re.compile(rb"<[A-Za-z_:]")


def parse_xml(content: bytes, where: str) -> ElementTree.Element:
    """Return the root element. Raises InputError when it is not XML, or declares a document type."""
    check_prolog(content[:PROLOG_BYTES], where)
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError("it is not XML", where=where, why=str(error), fix="look at what the address answers") from None


def check_prolog(beginning: bytes, where: str) -> None:
    """Look at what stands before the root element. Raises InputError when that is a document type, or too much."""
    root = _ROOT.search(beginning)
    prolog = beginning[: root.start()] if root else beginning
    if root is None or b"\0" in prolog:
        raise InputError("it is not XML", where=where, why="there is no element in it", fix="look at what is there")
    if b"<!DOCTYPE" in prolog.upper():
        raise InputError("it declares a document type", where=where, why="that can hide anything", fix="remove it")


def local_name(element: ElementTree.Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]
