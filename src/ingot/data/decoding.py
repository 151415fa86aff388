"""From bytes to text: which encoding a file is in, and whether it is text at all.

A byte order mark decides; then UTF-8, which hardly ever fits by accident; then UTF-16 without a mark (every other
byte is zero); then the statistical detector, on a sample. What holds control characters, or starts like a known
binary format, is not text and is refused with its name.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

import charset_normalizer

from ingot.core.errors import InputError

SAMPLE_BYTES = 4 << 20
_DETECTOR_BYTES = 64 << 10
_MOST_CONTROL = 0.002

# Longest first: the UTF-32 mark begins like the UTF-16 one.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"%PDF-", "a PDF document", ".pdf"),
    (b"PK\x03\x04", "a ZIP archive or an Office document", ""),
    (b"\xd0\xcf\x11\xe0", "an old Office document", ""),
    (b"\x89PNG", "a PNG image", ""),
    (b"\xff\xd8\xff", "a JPEG image", ""),
    (b"GIF8", "a GIF image", ""),
    (b"\x1f\x8b", "a gzip archive", ""),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", ""),
    (b"BZh", "a bzip2 archive", ""),
    (b"\xfd7zXZ", "an xz archive", ""),
    (b"7z\xbc\xaf", "a 7z archive", ""),
    (b"Rar!", "a RAR archive", ""),
    (b"\x7fELF", "a program", ""),
    (b"SQLite format 3", "an SQLite database", ""),
    (b"PAR1", "a Parquet table", ""),
    (b"OggS", "an audio file", ""),
    (b"ID3", "an audio file", ""),
)
# Tab, line feed, vertical tab, form feed, carriage return and escape (coloured logs) occur in text.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_HIGH = re.compile(rb"[\x80-\xff]")
# Accents stand alone between ASCII letters; characters of several bytes come in runs. Without this rule the detector
# takes "sch\xf6ne Gr\xf6\xdfe" for Chinese.
_LONE_HIGH = re.compile(rb"(?<![\x80-\xff])[\x80-\xff](?![\x80-\xff])")
_MOST_ACCENTS = 0.4
_TIE = 0.06
_LATIN = ["cp1252", "cp1250", "cp1254", "cp1257", "iso8859_2"]
_WIDE = ["utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"]


@dataclass(frozen=True)
class Encoding:
    """A codec name and how many bytes of byte order mark to skip."""

    name: str
    mark_bytes: int = 0


def detect(sample: bytes, *, is_whole: bool) -> Encoding:
    """Return the encoding of a text from its beginning; `is_whole` says that there is nothing after the sample.

    Raises InputError when it is empty or not text.
    """
    if not sample:
        raise InputError("the file is empty", fix="nothing, if it is meant to be empty; otherwise fetch it again")
    if sample.startswith(b"%PDF-"):  # some are pure ASCII
        raise not_text(sample)
    encoding = _marked(sample) or _unmarked(sample, is_whole)
    if encoding is None:
        raise not_text(sample)
    text = sample[encoding.mark_bytes :].decode(encoding.name, errors="replace")
    if len(_CONTROL.findall(text)) > _MOST_CONTROL * len(text):
        raise not_text(sample)
    return encoding


def signature(sample: bytes) -> str:
    """Return what a binary file is by its first bytes ("a PNG image"), or an empty string."""
    return next((what for start, what, _ in _SIGNATURES if sample.startswith(start)), "")


def not_text(sample: bytes) -> InputError:
    """Say that these bytes are no text, and what they look like."""
    named = signature(sample)
    ending = next((ending for start, _, ending in _SIGNATURES if ending and sample.startswith(start)), "")
    if ending:
        fix = f"give it the name ending {ending}, then run the build again"
    else:
        fix = "convert it to text or PDF, or leave it out"
    return InputError("it is not text", why=f"it looks like {named}" if named else "it holds binary data", fix=fix)


def decode(payload: bytes) -> str:
    """Decode a whole file held in memory, with line ends made uniform. Raises InputError when it is not text."""
    encoding = detect(payload[:SAMPLE_BYTES], is_whole=len(payload) <= SAMPLE_BYTES)
    return uniform_lines(payload[encoding.mark_bytes :].decode(encoding.name, errors="replace"))


def uniform_lines(text: str) -> str:
    """Return the text with every line end as a single line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _marked(sample: bytes) -> Encoding | None:
    return next((Encoding(name, len(mark)) for mark, name in _MARKS if sample.startswith(mark)), None)


def _unmarked(sample: bytes, is_whole: bool) -> Encoding | None:
    if b"\0" in sample and (wide := _wide(sample)):  # ASCII between zero bytes would pass for UTF-8
        return wide
    if _fits(sample, "utf-8", is_whole):
        return Encoding("utf-8")
    if signature(sample):
        return None
    return None if b"\0" in sample else _guessed(sample)


def _fits(sample: bytes, name: str, is_whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(name)("strict").decode(sample, final=is_whole)
    except UnicodeDecodeError:
        return False
    return True


def _wide(sample: bytes) -> Encoding | None:
    """Recognise UTF-16 without a mark: the zero bytes of ASCII letters are all on one side."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) / 2
    if odd > 0.3 * half and even < 0.02 * half:
        return Encoding("utf-16-le")
    if even > 0.3 * half and odd < 0.02 * half:
        return Encoding("utf-16-be")
    return None


def _guessed(sample: bytes) -> Encoding | None:
    # A stretch with the unusual bytes in it tells more than the beginning, which may be plain ASCII.
    first = _HIGH.search(sample)
    start = max(0, first.start() - _DETECTOR_BYTES // 2) if first else 0
    stretch = sample[start : start + _DETECTOR_BYTES]
    if len(_LONE_HIGH.findall(stretch)) > len(_HIGH.findall(stretch)) / 2:
        return _latin(stretch)
    best = charset_normalizer.from_bytes(stretch, cp_exclusion=_WIDE).best()
    return None if best is None or best.encoding in ("ascii", "utf_8") else Encoding(best.encoding)


def _latin(stretch: bytes) -> Encoding | None:
    """Choose among the encodings of Latin scripts; a tie goes to Western Windows, the commonest by far."""
    if len(_HIGH.findall(stretch)) > _MOST_ACCENTS * len(stretch):
        return None
    matches = charset_normalizer.from_bytes(stretch, cp_isolation=_LATIN)
    best = matches.best()
    if best is None or best.coherence == 0:
        return Encoding("cp1252")
    western = next((match for match in matches if match.encoding == "cp1252"), None)
    is_tie = western is not None and western.coherence >= best.coherence - _TIE and western.chaos <= best.chaos + _TIE
    return Encoding("cp1252" if is_tie else best.encoding)
