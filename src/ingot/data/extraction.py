"""Text out of PDF, Office, e-mail and HTML files, as Markdown, through xberg: the one place that knows that library.

Everything it could fetch or guess at is off: no OCR, no cache, no nested archives, no following of links. What remains
is made plain: pictures and link addresses go, escapes meant for a Markdown renderer go. Its errors become reasons a
person can act on.
"""

from __future__ import annotations

import asyncio
import re
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.data.decoding import uniform_lines
from ingot.flow.source import SourceItem

_PICTURE = re.compile(r"!\[[^\[\]]*\]\((?:<[^<>]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\)")
_LINK = re.compile(r"\[([^\[\]]*)\]\((?:<[^<>]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\)")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]<>()#+\-.!|&~$])")
_BLANK_LINES = re.compile(r"\n[ \t\xa0]*\n(?:[ \t\xa0]*\n)+")
_OLE_CONTAINER = b"\xd0\xcf\x11\xe0"
_ENCRYPTED_ENTRY = "EncryptedPackage".encode("utf-16-le")


def extract(stream: BinaryIO, item: SourceItem, *, media_type: str, html: str | None = None) -> str:
    """Return the text of a file as Markdown; `html` is its content where the caller has decoded it already.

    Raises InputError for an empty, damaged or locked file and for one that holds no text.
    """
    payload = stream.read() if html is None else html.encode("utf-8", errors="replace")
    if not payload:
        raise InputError("the file is empty", fix="nothing, if it is meant to be empty; otherwise fetch it again")
    if payload.startswith(_OLE_CONTAINER) and _ENCRYPTED_ENTRY in payload:
        raise _locked()
    try:
        text = asyncio.run(_content(payload, item.uri.rpartition("/")[2], media_type))
    except (RuntimeError, ValueError) as error:
        raise _reason(str(error)) from error
    cleaned = plain(text)
    if not cleaned:
        raise _without_text(payload, media_type)
    return cleaned


async def _content(payload: bytes, name: str, media_type: str) -> str:
    # Loading xberg takes 0.4 s and 150 MB of address space, which a folder of plain text should not pay.
    import xberg

    config = xberg.ExtractionConfig(
        mime_detection_policy="trust_extension",
        use_cache=False,
        enable_quality_processing=False,
        disable_ocr=True,
        extraction_timeout_secs=None,  # the sandbox watches the clock
        output_format="markdown",
        escape_markdown=False,
        max_archive_depth=0,
        concurrency=xberg.ConcurrencyConfig(max_threads=1),
        postprocessor=xberg.PostProcessorConfig(enabled=False),
        html_options=xberg.ConversionOptions(extract_metadata=False, skip_images=True, compact_tables=True),
    )
    source = xberg.ExtractInput(kind="bytes", bytes=payload, filename=name, mime_type=media_type)
    result = await xberg.extract(source, config)
    if result.errors:
        raise ValueError("; ".join(str(error.message) for error in result.errors))
    return "\n\n".join(document.content for document in result.results)


def plain(markdown: str) -> str:
    """Return Markdown without pictures, link addresses, needless escapes and runs of blank lines."""
    text = uniform_lines(markdown).encode("utf-8", errors="replace").decode("utf-8")
    text = _LINK.sub(r"\1", _PICTURE.sub("", text))
    return _BLANK_LINES.sub("\n\n", _ESCAPE.sub(r"\1", text)).strip()


def _locked() -> InputError:
    return InputError("it is protected by a password", fix="save a copy without the password in its place")


def _reason(message: str) -> InputError:
    if re.search(r"password|encrypt", message, re.IGNORECASE):
        return _locked()
    return InputError(
        "it is damaged or incomplete",
        why=message.removeprefix("Parsing error: ")[:300],
        fix="open it in the program that made it and save it again, or fetch it again",
    )


def _without_text(payload: bytes, media_type: str) -> InputError:
    if media_type == "application/pdf" and b"%%EOF" not in payload[-2048:]:
        return _reason("its end is missing")
    return InputError(
        "there is no text in it",
        why="it may be a scan: pictures of pages"
        if media_type == "application/pdf"
        else "only pictures or empty pages",
        fix="run text recognition (OCR) on it first, or leave it out",
    )
