"""Text out of PDF, Office and HTML files, as Markdown, through xberg: the one place that knows that library.

Everything it could fetch or guess at is off: no downloads, no cache, no nested files, no following of links. What
remains is made plain (data/plain); pages, slides, sheets and tables keep their place in the text. Its errors become
reasons a person can act on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from ingot.core.errors import InputError
from ingot.data.cutting import cut_text
from ingot.data.decoding import SAMPLE_BYTES
from ingot.data.document import Document, Position, as_documents
from ingot.data.grids import grid_markdown
from ingot.data.office_types import ODP, PPT, PPTX, RTF, office_type
from ingot.data.open_slides import open_slides
from ingot.data.plain import plain, without_menus
from ingot.data.recognition import Pictures, Sound
from ingot.data.speaker_notes import speaker_notes
from ingot.flow.source import SourceItem

if TYPE_CHECKING:
    import xberg

_TABLE = re.compile(r"(?m)^\|.*\|[ \t]*\n\|(?:[ \t]*:?-+:?[ \t]*\|)+")
_LONE_RULE = re.compile(r"(?m)^-----$\n?")
# Characters that no document uses, so a page mark cannot be mistaken for text.
_PAGE_MARK = re.compile("\ue0f0(\\d+)\ue0f1")
_PAGE_NUMBER = re.compile(
    r"\A\W{0,3}(?:page|seite|p\.|s\.)?\s*\d{1,4}(?:\s*(?:of|von|/)\s*\d{1,4})?\W{0,3}\Z", re.IGNORECASE
)
_TAG = re.compile(rb"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*(?<!/)>")
# Elements that need no end tag (HTML standard, section 13.1.2.4) say nothing about depth.
_WITHOUT_END = frozenset(
    b"area base br col colgroup dd dt embed hr img input li link meta option p source".split()
    + b"tbody td tfoot th thead tr track wbr".split()
)
# Deeper elements are left out by the library without a word. Its own limit of 63 loses real pages; near 600 its stack
# overflows.
_DEEPEST_ELEMENT = 199
_OLE_CONTAINER = b"\xd0\xcf\x11\xe0"
_ENCRYPTED_ENTRY = "EncryptedPackage".encode("utf-16-le")
# What surrounds the content of a page for those who look at it or hear it.
_AROUND = (
    *("nav", "[role=navigation]", "[role=search]", "[hidden]", "[aria-hidden=true]", ".sr-only", ".visually-hidden"),
    *(".skip-link", ".skip-to-content", ".navbar", ".breadcrumb", ".breadcrumbs", ".cookie-banner", ".noprint"),
    *(".mw-jump-link", ".mw-editsection", ".vector-menu", ".interlanguage-link"),
)
_MOST_CELLS = 2_000_000
_MOST_UNPACKED = 512 << 20
# Tables that repeat themselves are packed a few hundred times; nothing by more than 1032.
_MOST_TIMES = 500


@dataclass(frozen=True)
class Extracted:
    """The text of a file and where its pages, slides, sheets and tables begin, in UTF-8 bytes of that text."""

    text: str
    positions: tuple[Position, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of a file that has a place of its own, such as page 3; a `kind` of "" has none."""

    kind: str
    label: str
    markdown: str


def extract(
    stream: BinaryIO,
    item: SourceItem,
    *,
    media_type: str,
    html: str | None = None,
    recognition: Mapping[str, Any] | None = None,
) -> Extracted:
    """Return the text of a file as Markdown; `html` is its content where the caller has decoded it already.

    `recognition` holds the settings with which pictures are read too, from `picture_settings`. Raises InputError for an
    empty, damaged or locked file and for one that holds no text.
    """
    payload = stream.read() if html is None else html.encode("utf-8", errors="replace")
    if not payload:
        raise InputError("the file is empty", fix="nothing, if it is meant to be empty; otherwise fetch it again")
    if payload.startswith(_OLE_CONTAINER) and _ENCRYPTED_ENTRY in payload:
        raise _locked()
    parts = sections(payload, item.uri.rpartition("/")[2], media_type, recognition)
    found = assembled(_with_notes(parts, payload) if media_type == PPTX else parts)
    if not found.text:
        raise _without_text(payload, media_type)
    return found


def office_documents(
    stream: BinaryIO, item: SourceItem, piece_bytes: int, *, parser: str, media_types: Mapping[str, str]
) -> Iterator[Document]:
    """Yield the Documents of a file of an Office format: the one its bytes show, or else the one its name ends in."""
    by_name = media_types.get(item.uri.rpartition(".")[2].lower(), next(iter(media_types.values())))
    shown = office_type(stream.read(SAMPLE_BYTES))
    stream.seek(0)
    if by_name == RTF and not shown and item.bytes:  # the library takes anything for it
        raise _reason("it does not begin like an RTF file")
    media_type = shown or by_name
    found = extract(stream, item, media_type=media_type)
    pieces = cut_text(found.text, piece_bytes, found.positions)
    return as_documents(pieces, item, media_type=media_type, parser=parser)


def sections(payload: bytes, name: str, media_type: str, recognition: Mapping[str, Any] | None = None) -> list[Section]:
    """Return what a file holds, section by section; `recognition` holds the settings that read pictures or sound.

    Raises InputError for a damaged or locked file.
    """
    if media_type == ODP:
        return [Section("slide", str(number), text) for number, text in enumerate(open_slides(payload), start=1)]
    try:
        documents = asyncio.run(_documents(payload, name, media_type, recognition or {"disable_ocr": True}))
    except (RuntimeError, ValueError) as error:
        raise _reason(str(error)) from error
    return [section for document in documents for section in _sections(document)]


def picture_settings(reader: Pictures) -> dict[str, Any]:
    """Return the settings that let xberg read pictures, for `sections`."""
    import xberg  # late for the reason given below

    recognition = xberg.OcrConfig(backend="tesseract", language=list(reader.languages), tessdata_path=reader.folder)
    return {"ocr": recognition, "disable_ocr": False}


def sound_settings(writer: Sound) -> dict[str, Any]:
    """Return the settings that let xberg write speech down, for `sections`."""
    import xberg  # late for the reason given below

    recognition = xberg.TranscriptionConfig(
        model=writer.model,
        model_cache_dir=writer.folder,
        language=writer.language or None,
        allow_network=False,
        max_duration_ms=None,
        timeout_ms=None,
    )
    return {"transcription": recognition, "disable_ocr": True}


async def _documents(
    payload: bytes, name: str, media_type: str, recognition: Mapping[str, Any]
) -> list[xberg.ExtractedDocument]:
    # Loading xberg takes 0.4 s and 150 MB of address space, which a folder of plain text should not pay.
    import xberg

    config = xberg.ExtractionConfig(
        mime_detection_policy="trust_extension",
        use_cache=False,
        enable_quality_processing=False,
        extraction_timeout_secs=None,  # the sandbox watches the clock
        output_format="markdown",
        escape_markdown=False,
        max_archive_depth=0,
        concurrency=xberg.ConcurrencyConfig(max_threads=1),
        postprocessor=xberg.PostProcessorConfig(enabled=False),
        pages=xberg.PageConfig(
            extract_pages=True, insert_page_markers=True, marker_format="\n\n\ue0f0{page_num}\ue0f1\n\n"
        ),
        html_options=xberg.ConversionOptions(
            extract_metadata=False,
            skip_images=True,
            compact_tables=True,
            strip_newlines=True,
            max_depth=_DEEPEST_ELEMENT + 1,
            preprocessing=xberg.PreprocessingOptions(preset="aggressive"),
            exclude_selectors=list(_AROUND),
        ),
        security_limits=xberg.SecurityLimits(
            max_table_cells=_MOST_CELLS,
            max_compression_ratio=_MOST_TIMES,
            max_archive_size=_MOST_UNPACKED,
            max_content_size=_MOST_UNPACKED,
        ),
        **recognition,
    )
    source = xberg.ExtractInput(kind="bytes", bytes=payload, filename=name, mime_type=media_type)
    result = await xberg.extract(source, config)
    if result.errors:
        raise ValueError("; ".join(str(error.message) for error in result.errors))
    return list(result.results)


def _sections(document: xberg.ExtractedDocument) -> Iterator[Section]:
    """Yield slides and sheets as the library lists them, pages by the marks in the text, all else in one piece."""
    pages = document.pages or []
    if any(page.sheet_name is not None for page in pages):
        for page in pages:
            name = page.sheet_name or str(page.page_number)
            grids = "\n\n".join(grid_markdown(table.cells) for table in page.tables)
            yield Section("sheet", name, f"## {name}\n\n{grids}" if grids.strip() else "")
    elif document.mime_type == PPTX:
        for page in pages:
            yield Section("slide", str(page.page_number), _LONE_RULE.sub("", page.content))
    elif document.mime_type == PPT:
        _, *slides = _LONE_RULE.split(_PAGE_MARK.sub("", document.content))
        for number, text in enumerate(slides, start=1):
            yield Section("slide", str(number), text)
    elif document.mime_type == "text/html":
        yield Section("", "", without_menus(document.content))
    else:
        yield from _pages(document.content, has_pages=document.mime_type == "application/pdf")


def _with_notes(slides: Sequence[Section], payload: bytes) -> list[Section]:
    notes = speaker_notes(payload)
    return [
        replace(slide, markdown=f"{slide.markdown}\n\nNotes: {notes[int(slide.label)]}")
        if slide.kind == "slide" and int(slide.label) in notes
        else slide
        for slide in slides
    ]


def _pages(content: str, has_pages: bool) -> Iterator[Section]:
    before, *marked = _PAGE_MARK.split(content)
    yield Section("", "", before)
    for number, text in zip(marked[::2], marked[1::2], strict=True):
        # Word processors break pages anew on every machine: their numbers would mislead.
        yield Section("page", number, _without_page_number(text)) if has_pages else Section("", "", text)


def _without_page_number(text: str) -> str:
    """Return the text of a page without a first or last paragraph that only counts the pages."""
    paragraphs = text.strip().split("\n\n")
    for place in (0, -1):
        if paragraphs and _PAGE_NUMBER.match(paragraphs[place]):
            del paragraphs[place]
    return "\n\n".join(paragraphs)


def assembled(parts: Sequence[Section]) -> Extracted:
    """Join sections into one text, each made plain, and note where they and their tables begin."""
    texts: list[str] = []
    positions: list[Position] = []
    place = tables = 0
    for part in parts:
        text = plain(part.markdown)
        if not text:
            continue
        if part.kind:
            positions.append(Position(part.kind, part.label, place))
        for start in _table_starts(text):
            tables += 1
            positions.append(Position("table", str(tables), place + start))
        texts.append(text)
        place += len(text.encode("utf-8")) + len("\n\n")
    return Extracted("\n\n".join(texts), tuple(positions))


def _table_starts(text: str) -> Iterator[int]:
    """Yield where tables begin, in bytes."""
    place = size = 0
    for table in _TABLE.finditer(text):
        size += len(text[place : table.start()].encode("utf-8"))
        place = table.start()
        yield size


def _locked() -> InputError:
    return InputError("it is protected by a password", fix="save a copy without the password in its place")


def _reason(message: str) -> InputError:
    if re.search(r"password|encrypt", message, re.IGNORECASE):
        return _locked()
    message = message.removeprefix("Parsing error: ")[:300]
    if re.search(r"security|bomb|cell limit", message, re.IGNORECASE):
        return InputError(
            "it holds far more inside than its size shows",
            why=message,
            fix="if you trust it, save it in parts, or a table as CSV; otherwise leave it out",
        )
    return InputError(
        "it is damaged or incomplete",
        why=message,
        fix="open it in the program that made it and save it again, or fetch it again",
    )


def _without_text(payload: bytes, media_type: str) -> InputError:
    if media_type == "application/pdf" and b"%%EOF" not in payload[-2048:]:
        return _reason("its end is missing")
    if media_type == "text/html" and (depth := _depth(payload)) > _DEEPEST_ELEMENT:
        return InputError(
            f"its elements lie {depth} deep in one another",
            why=f"what lies deeper than {_DEEPEST_ELEMENT} is not read, and above there is no text",
            fix="open it in a browser and save it as plain text (.txt), or leave it out",
        )
    return InputError(
        "there is no text in it",
        why="it may be a scan: pictures of pages"
        if media_type == "application/pdf"
        else "only pictures or empty pages",
        fix="run text recognition (OCR) on it first, or leave it out",
    )


def _depth(html: bytes) -> int:
    """Return how many elements of a page lie in one another at most, by their tags."""
    depth = deepest = 0
    for slash, name in _TAG.findall(html):
        if name.lower() not in _WITHOUT_END:
            depth = max(depth - 1, 0) if slash else depth + 1
            deepest = max(deepest, depth)
    return deepest
