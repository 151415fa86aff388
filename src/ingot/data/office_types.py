"""What an Office file, book or mail is by its bytes: names lie, and a format that was renamed is still readable.

New formats are ZIP archives, told apart by the names of their parts; old ones are compound files, told apart by the
names of their streams, which stand in them as UTF-16.
"""

from __future__ import annotations

_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"

DOCX = f"{_OPEN_XML}.wordprocessingml.document"
PPTX = f"{_OPEN_XML}.presentationml.presentation"
XLSX = f"{_OPEN_XML}.spreadsheetml.sheet"
XLSB = "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
ODT = f"{_OPEN_DOCUMENT}.text"
ODS = f"{_OPEN_DOCUMENT}.spreadsheet"
ODP = f"{_OPEN_DOCUMENT}.presentation"
DOC = "application/msword"
PPT = "application/vnd.ms-powerpoint"
XLS = "application/vnd.ms-excel"
MSG = "application/vnd.ms-outlook"
RTF = "application/rtf"
EPUB = "application/epub+zip"

_ZIP = b"PK\x03\x04"
_COMPOUND = b"\xd0\xcf\x11\xe0"
_RTF = b"{\\rtf"
_PARTS = (
    (b"mimetypeapplication/epub+zip", EPUB),
    (b"mimetype" + ODT.encode(), ODT),
    (b"mimetype" + ODS.encode(), ODS),
    (b"mimetype" + ODP.encode(), ODP),
    (b"xl/workbook.bin", XLSB),
    (b"word/", DOCX),
    (b"ppt/", PPTX),
    (b"xl/", XLSX),
)
_STREAMS = (
    ("__properties_version1.0", MSG),
    ("WordDocument", DOC),
    ("PowerPoint Document", PPT),
    ("Workbook", XLS),
    ("Book", XLS),
)
# media type -> the parser that reads it
PARSER_OF = {
    **dict.fromkeys((DOCX, ODT, DOC, RTF), "office"),
    **dict.fromkeys((PPTX, ODP, PPT), "slides"),
    **dict.fromkeys((XLSX, XLSB, ODS, XLS), "sheets"),
    EPUB: "book",
    MSG: "mail",
}


def office_type(beginning: bytes) -> str:
    """Return the media type of an Office file, book or Outlook mail by its first megabytes; empty for other files."""
    if beginning.startswith(_ZIP):
        return next((media_type for part, media_type in _PARTS if part in beginning), "")
    if beginning.startswith(_COMPOUND):
        named = ((name.encode("utf-16-le"), media_type) for name, media_type in _STREAMS)
        return next((media_type for name, media_type in named if name in beginning), "")
    return RTF if beginning.startswith(_RTF) else ""
