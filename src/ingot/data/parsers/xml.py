"""XML as what a person reads: articles, books and patents as Markdown, records as tables or `name: value` lines.

Texts are read in data/xml_markdown, records here. Nothing a document type declares is fetched, and entities are not
expanded within one another. It is read block by block, so its length does not matter; elements that lie too deep become
part of the one they lie in. What is not well-formed loses its tags from the fault on.
"""

from __future__ import annotations

import codecs
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, groupby, pairwise
from typing import Any, BinaryIO
from xml.parsers import expat

from ingot.core.errors import InputError
from ingot.data.cutting import cut_text, text_pieces
from ingot.data.decoding import SAMPLE_BYTES, uniform_lines
from ingot.data.document import Parsed, Piece, Unreadable, as_documents
from ingot.data.extraction import sections
from ingot.data.grids import table_markdown
from ingot.data.plain import plain
from ingot.data.records import field_lines, record_text
from ingot.data.xml_markdown import Element, is_prose, is_titled, licence_of, text_of, xml_markdown
from ingot.flow.source import SourceItem

MEDIA_TYPE = "application/xml"
_WINDOW_BYTES = 256 << 10
_BLOCK_CHARACTERS = 8 << 20
_BLOCK_ELEMENTS = 50_000
_DEEPEST = 100
_LONGEST_TOKEN = 16 << 20
_LONGEST_ENTITY = 1000
_MOST_EXPANDED = 1 << 20

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]+)""")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&([^\s&;]{1,100});")
_TAGS = re.compile(r"(?:<[^<>]*>\s*){2,}")
_TAG = re.compile(r"<!\[CDATA\[|\]\]>|<[^<>]*>")
_HTML_STRUCTURE = re.compile(r"<(?:table|ul|ol|h[1-6]|blockquote|pre)\b[^<>]*>", re.IGNORECASE)
_HTML_PARAGRAPH = re.compile(r"</?(?:p|div|br|tr)\b[^<>]*>", re.IGNORECASE)
_HTML = re.compile(r"</?(?:a|b|i|em|strong|span|sup|sub|img|font|code|u)\b[^<>]*>", re.IGNORECASE)
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_FIELDS = frozenset(["id", "schemaLocation", "noNamespaceSchemaLocation", "space", "base", "lang", "version"])
_LEAST_RECORDS = 3
_MOST_COLUMNS, _LONGEST_CELL = 12, 80
_LONGEST_FACT, _MOST_TEXTS = 160, 1000


@dataclass(frozen=True)
class Config:
    """Settings of the XML parser: which name endings are its own, and the longest document in bytes."""

    extensions: tuple[str, ...] = (
        *("xml", "nxml", "jats", "tei", "dbk", "docbook", "dita", "ditamap", "xbrl"),
        *("rss", "atom", "opml", "fb2", "fodt"),
    )
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Parsed]:
    """Yield the text as one Document, or as pieces when it is long; spans are in the extracted text.

    What is not well-formed is told as an Unreadable, from its line on.
    """
    reading = _Reading(_texts(stream))
    blocks = reading.blocks()
    first = next(blocks, "")
    licence = licence_of(first) if isinstance(first, Element) else None
    pieces = _pieces(_markdown(chain([first], blocks)), config.piece_bytes)
    yield from as_documents(pieces, item, media_type=MEDIA_TYPE, parser="xml", licence=licence)
    if reading.fault:
        yield Unreadable(f"from line {reading.line}", _not_well_formed(reading.fault))


def _not_well_formed(fault: str) -> InputError:
    fix = "nothing, if the text is enough; otherwise write the file anew with the program it comes from"
    return InputError("it is not well-formed XML, and was read as text without its tags", why=fault, fix=fix)


def _pieces(texts: Iterator[str], piece_bytes: int) -> Iterator[Piece]:
    place = 0
    for text in texts:
        end = place
        for piece in cut_text(text, piece_bytes):
            end = place + piece.end
            yield Piece(piece.text, place + piece.start, end)
        place = end + len("\n\n")


def _texts(stream: BinaryIO) -> Iterator[str]:
    """Yield the decoded text: as it declares itself when that holds for its beginning, else as its bytes say."""
    sample = stream.read(SAMPLE_BYTES)
    stream.seek(0)
    declared = _DECLARED.search(sample[:1024])
    name = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    if name.replace("-", "") in ("utf8", "utf16") or sample.startswith(_MARKS) or not _fits(sample, name):
        yield from (piece.text for piece in text_pieces(stream, _WINDOW_BYTES))
        return
    decoder = codecs.getincrementaldecoder(name)("replace")
    while window := stream.read(_WINDOW_BYTES):
        yield decoder.decode(window)


def _fits(sample: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)("strict").decode(sample)
    except (LookupError, ValueError):
        return False
    return True


@dataclass(eq=False)
class _Builder:
    """The elements of one XML document, as far as it was fed."""

    root: Element | None = None
    elements: int = 0
    characters: int = 0
    quiet: int = 0
    fed: int = 0
    path: list[Element] = field(default_factory=list)
    _too_deep: int = 0
    _entities: dict[str, str] = field(default_factory=dict)
    _expanded: int = 0
    _kinds: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parser = expat.ParserCreate("utf-8")  # whatever it declares, it was decoded
        self.parser.buffer_text = True
        self.parser.UseForeignDTD(True)  # so that an entity nobody declared is no fault
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._declare
        self.parser.DefaultHandler = self._other  # with it expat hands references on and expands none

    @property
    def is_closed(self) -> bool:
        """Say whether the root has ended."""
        return self.root is not None and not self.path

    @property
    def is_full(self) -> bool:
        """Say whether what is held is enough for a block."""
        return self.elements > _BLOCK_ELEMENTS or self.characters > _BLOCK_CHARACTERS

    def feed(self, payload: bytes, *, is_last: bool = False) -> None:
        """Read on. Raises ExpatError when it is not well-formed."""
        self.parser.Parse(payload, is_last)
        self.fed += len(payload)
        self.quiet += len(payload)
        if self.quiet > _LONGEST_TOKEN:
            raise expat.ExpatError("a tag or a comment does not end")

    def consumed(self, payload: bytes) -> int:
        """Return how many bytes of the last payload were well-formed, and let go of text that is held back."""
        self.parser.buffer_text = False
        place = min(max(self.parser.ErrorByteIndex - self.fed, 0), len(payload))
        tag = payload.rfind(b"<", 0, place)
        return tag if tag > payload.rfind(b">", 0, place) else place

    def forget(self) -> None:
        """Let go of what has been written; elements that go on stay, without their content."""
        for element in self.path:
            element.was_titled = is_titled(element)
            element.content.clear()
        for outer, inner in pairwise(self.path):
            outer.content.append(inner)
        self.elements = self.characters = 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.quiet = 0
        self.elements += 1
        if len(self.path) >= _DEEPEST:
            self._too_deep += 1
            return
        if attributes:
            self.characters += sum(map(len, attributes.values()))
            attributes = {_local(each): value for each, value in attributes.items() if not each.startswith("xmlns")}
        known = self._kinds.get(name)
        if known is None:
            known = self._kinds[name] = (_local(name), _local(name).lower())
        element = Element(*known, attributes, [])
        if self.path:
            self.path[-1].content.append(element)
        else:
            self.root = element
        self.path.append(element)

    def _end(self, _: str) -> None:
        self.quiet = 0
        if self._too_deep:
            self._too_deep -= 1
        else:
            self.path.pop()

    def _text(self, text: str) -> None:
        self.quiet = 0
        self.characters += len(text)
        self.path[-1].content.append(text)

    def _declare(self, name: str, is_parameter: int, value: str | None, *_: object) -> None:
        if value is not None and not is_parameter and len(value) <= _LONGEST_ENTITY:
            self._entities.setdefault(name, _REFERENCE.sub(_predefined, _TAG.sub("", value)))

    def _other(self, markup: str) -> None:
        self.quiet = 0
        reference = _REFERENCE.fullmatch(markup)
        if reference and self.path and self._expanded < _MOST_EXPANDED:
            known = html.unescape(markup)
            text = self._entities.get(reference[1], "" if known == markup else known)
            self._expanded += len(text)
            self._text(text)


def _predefined(reference: re.Match[str]) -> str:
    return {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}.get(reference[1], "")


def _local(name: str) -> str:
    return name.rpartition(":")[2]


class _Reading:
    """One pass over an XML text. After it, `fault` says what is not well-formed, and from which line on."""

    def __init__(self, texts: Iterator[str]) -> None:
        self.fault, self.line = "", 1
        self._texts = texts

    def blocks(self) -> Iterator[Element | str]:
        """Yield the root, again when it is long and more of it was read; another root where the file holds several.

        What follows a fault comes as text without tags, and what is no XML at all as it is.
        """
        builder = _Builder()
        is_xml = False
        for text in self._texts:
            payload = _FORBIDDEN.sub("", text).encode("utf-8", "replace")
            while payload and not self.fault:
                payload = payload if builder.fed else payload.lstrip()
                try:
                    builder.feed(payload)
                except expat.ExpatError as error:
                    place = builder.consumed(payload)
                    payload = self._pass(payload, place)
                    is_xml = is_xml or builder.root is not None
                    if builder.root is not None:
                        yield builder.root
                    if builder.is_closed and payload.startswith(b"<"):
                        builder = _Builder()
                        continue
                    self.fault = str(error).partition(":")[0]
                else:
                    payload = self._pass(payload, len(payload))
                    if builder.root is not None and builder.is_full:
                        yield builder.root
                        builder.forget()
            if self.fault and payload:
                rest = payload.decode()
                yield _untagged(rest) if is_xml else rest
        if not self.fault:
            yield from self._end(builder)

    def _pass(self, payload: bytes, size: int) -> bytes:
        self.line += payload.count(b"\n", 0, size)
        return payload[size:]

    def _end(self, builder: _Builder) -> Iterator[Element]:
        try:
            builder.feed(b"", is_last=True)
        except expat.ExpatError as error:
            self.fault = "it ends before its last element does" if builder.path else str(error).partition(":")[0]
        if builder.root is not None:
            yield builder.root


def _untagged(text: str) -> str:
    """Return XML without its tags: between two of them a line ends, one within a line is nothing."""
    lines = html.unescape(_TAG.sub("", _TAGS.sub("\n", text))).split("\n")
    return "\n".join(line for line in (" ".join(each.split()) for each in lines) if line)


def _markdown(blocks: Iterator[Element | str]) -> Iterator[str]:
    last: Element | None = None
    write: Callable[[Element], str] = xml_markdown
    for block in blocks:
        if isinstance(block, str):
            yield uniform_lines(block)
            continue
        if block is not last:
            last, write = block, _writer(block)
        text = uniform_lines(write(block))
        if text.strip():
            yield text


def _writer(root: Element) -> Callable[[Element], str]:
    if root.kind == "xbrl":
        return _facts
    return xml_markdown if is_prose(root) else _records


def _records(root: Element) -> str:
    """Return data as tables and `name: value` lines."""
    holding: set[Element] = set()
    _find_records(root, holding)
    return "\n\n".join(_data(root, holding))


def _find_records(element: Element, holding: set[Element]) -> bool:
    """Gather the elements that hold records, at whatever depth."""
    inner = [_find_records(child, holding) for child in element.children()]
    if any(inner) or _repeated(element):
        holding.add(element)
    return element in holding


def _repeated(element: Element) -> set[str]:
    """Return the names of the children that are records: several of a name, with fields."""
    counted = Counter(child.name for child in element.children() if len(child.attributes) > 1 or _has_children(child))
    return {name for name, count in counted.items() if count >= _LEAST_RECORDS}


def _has_children(element: Element) -> bool:
    return next(element.children(), None) is not None


def _data(element: Element, holding: Set[Element]) -> Iterator[str]:
    """Yield the fields of an element, and its records where they stand."""
    repeated = _repeated(element)
    fields: dict[str, Any] = _attributes(element)
    for name, group in groupby(element.children(), lambda child: child.name if child.name in repeated else ""):
        children = list(group)
        if name:
            yield from _lines(fields)
            fields = {}
            yield from _run([value for value in map(_record, children) if value])
            continue
        for child in children:
            if child in holding:
                yield from _lines(fields)
                fields = {}
                yield from _data(child, holding)
            else:
                _add(fields, *_field(child))
    yield from _lines(fields)
    if element.is_mixed:
        yield _plain("".join(part for part in element.content if isinstance(part, str)))


def _lines(fields: Mapping[str, Any]) -> Iterator[str]:
    if text := "\n".join(field_lines(fields)):
        yield text


def _run(values: Sequence[str | dict[str, Any]]) -> Iterator[str]:
    """Yield records as a table when they are flat and short, else one after the other."""
    records = [value if isinstance(value, dict) else {"": value} for value in values]
    columns = list(dict.fromkeys(name for record in records for name in record))
    cells = [value for record in records for value in record.values()]
    is_flat = all(isinstance(cell, str) and len(cell) <= _LONGEST_CELL and "\n" not in cell for cell in cells)
    is_full = 2 * len(cells) >= len(columns) * len(records)
    if is_flat and is_full and 1 < len(columns) <= _MOST_COLUMNS and len(records) >= _LEAST_RECORDS:
        rows = [columns, *([record.get(name, "") for name in columns] for record in records)]
        yield table_markdown([[cell.replace("|", "\\|") for cell in row] for row in rows])
    else:
        yield from filter(None, (value if isinstance(value, str) else record_text(value) for value in values))


def _record(element: Element) -> str | dict[str, Any]:
    """Return an element as a value; an entry of a feed (RSS, Atom) is its title and its text."""
    value = _value(element)
    if element.kind in ("item", "entry") and isinstance(value, dict) and isinstance(value.get("title"), str):
        texts = (value.get(name) for name in ("encoded", "content", "description", "summary"))
        text = next((each for each in texts if isinstance(each, str)), "")
        return f"{value['title']}\n\n{text}" if text else value
    return value


def _value(element: Element) -> str | dict[str, Any]:
    """Return an element as a value: its text, or its fields."""
    fields: dict[str, Any] = _attributes(element)
    if not _has_children(element):
        text = _plain("".join(part for part in element.content if isinstance(part, str)))
        return f"{text} ({', '.join(fields.values())})" if text and fields else text or fields
    if element.is_mixed:
        return text_of(element)
    for child in element.children():
        _add(fields, *_field(child))
    return fields


def _field(element: Element) -> tuple[str, Any]:
    """Return an element as a name and a value; what is called entry or property has its name in an attribute."""
    said = element.attributes
    name = said.get("name") or said.get("key")
    if name and len(said) <= 2 and not _has_children(element):
        text = _plain("".join(part for part in element.content if isinstance(part, str)))
        if text := text or said.get("value") or said.get("content") or "":
            return name, text
    return element.name, _value(element)


def _add(fields: dict[str, Any], name: str, value: Any) -> None:
    if not value:
        return
    if name not in fields:
        fields[name] = value
    elif isinstance(fields[name], list):
        fields[name].append(value)
    else:
        fields[name] = [fields[name], value]


def _attributes(element: Element) -> dict[str, Any]:
    found = {name: _plain(value) for name, value in element.attributes.items() if name not in _NO_FIELDS}
    return {name: value for name, value in found.items() if value}


def _plain(text: str) -> str:
    """Return a value as text; feeds and filings write whole web pages into one."""
    if _HTML_STRUCTURE.search(text):
        try:
            parts = sections(text.encode("utf-8", "replace"), "", "text/html")
        except InputError:
            return _untagged(text)
        return "\n\n".join(filter(None, (plain(part.markdown) for part in parts)))
    if _HTML_PARAGRAPH.search(text):
        paragraphs = (" ".join(html.unescape(_TAG.sub("", each)).split()) for each in _HTML_PARAGRAPH.split(text))
        return "\n\n".join(filter(None, paragraphs))
    return " ".join((html.unescape(_TAG.sub("", text)) if _HTML.search(text) else text).split())


def _facts(root: Element) -> str:
    """Return the facts of a filing (XBRL 2.1) as lines, each with the time it is about; texts under their names."""
    times = {each.attributes.get("id", ""): _about(each) for each in root.children() if each.kind == "context"}
    units = {each.attributes.get("id", ""): _unit(each) for each in root.children() if each.kind == "unit"}
    lines: dict[str, None] = {}
    texts: dict[str, str] = {}
    for fact in root.children():
        value = "" if _has_children(fact) else _plain("".join(part for part in fact.content if isinstance(part, str)))
        if not value or "contextRef" not in fact.attributes:
            continue
        name = _words(fact.name.removesuffix("TextBlock").removesuffix("Policy"))
        if "\n" in value or len(value) > _LONGEST_FACT:
            texts.setdefault(value, name)
            continue
        about = times.get(fact.attributes["contextRef"], "")
        unit = units.get(fact.attributes.get("unitRef", ""), "")
        lines[f"{name}{f' ({about})' if about else ''}: {value}{f' {unit}' if unit else ''}"] = None
    return "\n\n".join(filter(None, ["\n".join(lines), *_not_within_others(texts)]))


def _not_within_others(texts: Mapping[str, str]) -> Iterator[str]:
    """Yield texts under their names, but not those that a longer one has as a part, as notes have their paragraphs."""
    everything = "\0".join(texts)
    for text, name in texts.items():
        if len(texts) > _MOST_TEXTS or everything.count(text) == 1:
            yield f"## {name}\n\n{text}"


def _about(context: Element) -> str:
    """Return the time of a context, and what it is narrowed to."""
    texts = {each.kind: text_of(each) for each in context.below()}
    time = texts.get("instant") or " to ".join(texts[kind] for kind in ("startdate", "enddate") if kind in texts)
    members = [
        _words(_local(text_of(each)).removesuffix("Member"))
        for each in context.below()
        if each.kind == "explicitmember"
    ]
    return ", ".join(filter(None, [time, *members]))


def _unit(unit: Element) -> str:
    measures = [_local(text_of(each)) for each in unit.below() if each.kind == "measure"]
    return " per ".join(each for each in measures if each != "pure")


def _words(name: str) -> str:
    return " ".join(_WORD_STARTS.split(name))
