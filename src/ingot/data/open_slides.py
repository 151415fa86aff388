"""The slides of an OpenDocument presentation (.odp) as Markdown, one text each.

xberg reads no more of this format than the notes. What stands on a slide are frames with paragraphs, lists and tables
(OpenDocument 1.3 part 3, sections 10.4 and 16); the frame of class "title" becomes the heading, the notes come last.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from ingot.core.errors import InputError
from ingot.data.grids import grid_markdown
from ingot.data.unpacking import DAMAGE

_MOST_BYTES = 256 << 20
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_SHOW = "{urn:oasis:names:tc:opendocument:xmlns:presentation:1.0}"
# Tabs, line breaks and further spaces are elements in this format.
_SPACES = (f"{_TEXT}tab", f"{_TEXT}line-break", f"{_TEXT}s")
_MOST_REPEATS = 1000


def open_slides(payload: bytes) -> list[str]:
    """Return the Markdown of every slide. Raises InputError when the file is damaged or declares entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive, archive.open("content.xml") as part:
            content = part.read(_MOST_BYTES)
        if b"<!ENTITY" in content:  # the format has none; a document that expands itself does
            raise ValueError("its text declares entities")
        root = ElementTree.fromstring(content)
        return ["\n\n".join(_slide(page)) for page in root.iter(f"{_DRAW}page")]
    except (*DAMAGE, ElementTree.ParseError) as error:
        fix = "open it in the program that made it and save it again, or fetch it again"
        raise InputError("it is damaged or incomplete", why=str(error)[:300], fix=fix) from error


def _slide(page: ElementTree.Element) -> Iterator[str]:
    for shape in page:
        if shape.tag == f"{_SHOW}notes":
            continue
        if shape.get(f"{_SHOW}class") == "title":
            yield "## " + " ".join(" ".join(shape.itertext()).split())
        else:
            yield from _blocks(shape, "")
    noted = [" ".join(_blocks(notes, "")) for notes in page.iter(f"{_SHOW}notes")]
    yield from (f"Notes: {text}" for text in noted if text)


def _blocks(element: ElementTree.Element, indent: str) -> Iterator[str]:
    """Yield the paragraphs, lists and tables below an element."""
    if element.tag in (f"{_TEXT}p", f"{_TEXT}h"):
        if text := _words(element):
            yield text
    elif element.tag == f"{_TEXT}list":
        if text := "\n".join(_items(element, indent)):
            yield text
    elif element.tag == f"{_TABLE}table":
        if text := grid_markdown([list(_cells(row)) for row in element.iter(f"{_TABLE}table-row")]):
            yield text
    else:
        for child in element:
            yield from _blocks(child, indent)


def _items(element: ElementTree.Element, indent: str) -> Iterator[str]:
    for item in element:
        has_words = False
        for part in item:
            if part.tag == f"{_TEXT}list":
                yield from _items(part, indent + ("  " if has_words else ""))
            elif text := _words(part):
                yield indent + ("  " if has_words else "- ") + text
                has_words = True


def _cells(row: ElementTree.Element) -> Iterator[str]:
    for cell in row:
        if cell.tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            repeats = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
            yield from [" ".join(_words(part) for part in cell)] * min(repeats, _MOST_REPEATS)


def _words(element: ElementTree.Element) -> str:
    """Return the text of a paragraph on one line."""
    return " ".join("".join(_runs(element)).split())


def _runs(element: ElementTree.Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag in _SPACES:
            yield " "
        yield from _runs(child)
        yield child.tail or ""
