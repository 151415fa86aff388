"""Small valid documents of every format, made on the spot, and the item a connector would make of a file."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from ingot.data.document import Document
from ingot.data.parser_choice import plugin
from ingot.flow.source import SourceItem


def write_item(folder: Path, uri: str, payload: bytes) -> SourceItem:
    """Write a file below `folder` and return the item a connector would."""
    path = folder / uri
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(payload)
    return SourceItem(uri, str(path), len(payload), hashlib.sha256(payload).hexdigest(), 1000.0)


def parse(parser: str, uri: str, payload: bytes, **options: object) -> list[Document]:
    """Parse bytes with a parser in this process."""
    item = SourceItem(uri, "nowhere", len(payload), hashlib.sha256(payload).hexdigest(), 1000.0)
    chosen = plugin("parser", parser)
    return list(chosen.entry(io.BytesIO(payload), item, chosen.config_type(**options)))


def pdf_bytes(text: str, password: str | None = None) -> bytes:
    """Return a PDF of one page with a line of text."""
    writer = PdfWriter()
    page = writer.add_blank_page(width=400, height=200)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    content = DecodedStreamObject()
    content.set_data(f"BT /F1 18 Tf 20 100 Td ({text}) Tj ET".encode("latin-1") if text else b"")
    page[NameObject("/Contents")] = writer._add_object(content)
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def docx_bytes(*paragraphs: str) -> bytes:
    """Return a minimal Word document."""
    body = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    main = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{word}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{main}"><w:body>{body}</w:body></w:document>',
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{text}')
    return target.getvalue()


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """Return a ZIP archive of named parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            # The first part of some formats lies there as it is, for those who look at the beginning.
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return target.getvalue()


_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DRAWING = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"


def _relations(**targets: str) -> str:
    """Return a part that points to others: id -> kind and target, separated by a space."""
    lines = (
        f'<Relationship Id="{key}" Type="{_OFFICE}/{value.split()[0]}" Target="{value.split()[1]}"/>'
        for key, value in targets.items()
    )
    return f'<?xml version="1.0"?><Relationships xmlns="{_PACKAGE}/relationships">{"".join(lines)}</Relationships>'


def _content_types(**parts: str) -> str:
    types = "".join(
        f'<Override PartName="/{name.replace("__", "/")}.xml" '
        f'ContentType="application/vnd.openxmlformats-officedocument.{kind}+xml"/>'
        for name, kind in parts.items()
    )
    return (
        f'<?xml version="1.0"?><Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>{types}</Types>'
    )


def xlsx_bytes(**sheets: list[list[str]]) -> bytes:
    """Return a workbook of sheets of texts."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    numbered = list(enumerate(sheets.items(), start=1))
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, (name, _) in numbered)
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": _content_types(
            xl__workbook="spreadsheetml.sheet.main",
            **{f"xl__worksheets__sheet{n}": "spreadsheetml.worksheet" for n, _ in numbered},
        ),
        "_rels/.rels": _relations(r1="officeDocument xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(
            **{f"r{n}": f"worksheet worksheets/sheet{n}.xml" for n, _ in numbered}
        ),
    }
    for n, (_, rows) in numbered:
        cells = "".join(
            f'<row r="{y}">'
            + "".join(
                f'<c r="{chr(64 + x)}{y}" t="inlineStr"><is><t>{text}</t></is></c>'
                for x, text in enumerate(row, start=1)
                if text
            )
            + "</row>"
            for y, row in enumerate(rows, start=1)
        )
        parts[f"xl/worksheets/sheet{n}.xml"] = f"<worksheet {main}><sheetData>{cells}</sheetData></worksheet>"
    return packed(parts)


def pptx_bytes(*slides: tuple[str, str, str]) -> bytes:
    """Return a presentation of slides: title, text, and notes ("" for none)."""
    numbered = list(enumerate(slides, start=1))
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="r{n}"/>' for n, _ in numbered)
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": _content_types(
            ppt__presentation="presentationml.presentation.main",
            **{f"ppt__slides__slide{n}": "presentationml.slide" for n, _ in numbered},
            **{f"ppt__notesSlides__notesSlide{n}": "presentationml.notesSlide" for n, _ in numbered},
        ),
        "_rels/.rels": _relations(r1="officeDocument ppt/presentation.xml"),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{_SLIDES}" xmlns:r="{_OFFICE}">'
        f"<p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": _relations(**{f"r{n}": f"slide slides/slide{n}.xml" for n, _ in numbered}),
    }
    for n, (title, text, notes) in numbered:
        shapes = _shape("title", title) + _shape("body", text)
        parts[f"ppt/slides/slide{n}.xml"] = f'<p:sld xmlns:p="{_SLIDES}" {_DRAWING}>{_tree(shapes)}</p:sld>'
        if notes:
            parts[f"ppt/slides/_rels/slide{n}.xml.rels"] = _relations(r1=f"notesSlide ../notesSlides/notesSlide{n}.xml")
            noted = _tree(_shape("sldNum", str(n)) + _shape("body", notes))
            parts[f"ppt/notesSlides/notesSlide{n}.xml"] = f'<p:notes xmlns:p="{_SLIDES}" {_DRAWING}>{noted}</p:notes>'
    return packed(parts)


def _tree(shapes: str) -> str:
    return f"<p:cSld><p:spTree><p:nvGrpSpPr/><p:grpSpPr/>{shapes}</p:spTree></p:cSld>"


def _shape(kind: str, text: str) -> str:
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="1" name="x"/><p:cNvSpPr/><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
        f"<p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"
    )


def odp_bytes(content: str) -> bytes:
    """Return an OpenDocument presentation with this content of its `office:presentation` element."""
    spaces = " ".join(
        f'xmlns:{key}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for key, name in {
            **{"office": "office", "draw": "drawing", "text": "text"},
            **{"table": "table", "presentation": "presentation"},
        }.items()
    )
    body = f"<office:body><office:presentation>{content}</office:presentation></office:body>"
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.presentation",
            "content.xml": f'<?xml version="1.0"?><office:document-content {spaces}>{body}</office:document-content>',
        }
    )


def epub_bytes(*chapters: str) -> bytes:
    """Return an electronic book of chapters of one paragraph."""
    numbered = list(enumerate(chapters, start=1))
    manifest = "".join(f'<item id="c{n}" href="c{n}.xhtml" media-type="application/xhtml+xml"/>' for n, _ in numbered)
    spine = "".join(f'<itemref idref="c{n}"/>' for n, _ in numbered)
    return packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container version="1.0" '
            'xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
            '<rootfiles><rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
            "</container>",
            "book.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata/>'
            f"<manifest>{manifest}</manifest><spine>{spine}</spine></package>",
            **{
                f"c{n}.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{text}</p></body></html>'
                for n, text in numbered
            },
        }
    )


def tabled_pdf_bytes(*pages: tuple[str, list[list[str]]]) -> bytes:
    """Return a PDF whose pages hold a sentence and a table with ruled lines."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
    for sentence, rows in pages:
        page = writer.add_blank_page(width=595, height=842)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        content = DecodedStreamObject()
        content.set_data((_line(60, 750, sentence) + _ruled(60, 700, rows)).encode("latin-1"))
        page[NameObject("/Contents")] = writer._add_object(content)
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def _line(x: int, y: int, text: str) -> str:
    return f"BT /F1 11 Tf {x} {y} Td ({text}) Tj ET\n"


def _ruled(x: int, y: int, rows: list[list[str]], width: int = 120, height: int = 20) -> str:
    columns = len(rows[0])
    across = "".join(
        f"{x} {y - n * height} m {x + columns * width} {y - n * height} l S\n" for n in range(len(rows) + 1)
    )
    down = "".join(f"{x + n * width} {y} m {x + n * width} {y - len(rows) * height} l S\n" for n in range(columns + 1))
    words = "".join(
        _line(x + j * width + 5, y - (i + 1) * height + 6, text)
        for i, row in enumerate(rows)
        for j, text in enumerate(row)
    )
    return across + down + words
