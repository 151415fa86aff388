"""Small valid documents of every format, made on the spot, and the item a connector would make of a file."""

from __future__ import annotations

import hashlib
import io
import zipfile
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
