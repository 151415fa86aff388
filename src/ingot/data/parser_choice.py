"""Which parser reads a file: by the ending of its name, and for unknown endings by what its first bytes look like.

The endings belong to the parsers (`Config.extensions`), so a new parser needs no entry anywhere. A name without an
ending (LICENSE, Makefile) or with an unknown one is read when it looks like text, and refused with what it is when it
does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.core.plugins import Plugin, load, names
from ingot.data.decoding import SAMPLE_BYTES, detect, not_text

_HTML = re.compile(rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_OFFICE_PARTS = (
    b"word/",
    b"ppt/",
    b"xl/",
    b"mimetypeapplication/vnd.oasis.opendocument",
    b"mimetypeapplication/epub+zip",
)
# Pictures, sound, programs and archives: the name says enough, so they are not even opened.
_NOT_DOCUMENTS = {
    "a picture": "png jpg jpeg gif bmp tif tiff webp ico icns svg psd heic avif raw cr2 nef ai eps",
    "sound or film": "mp3 wav flac ogg oga opus m4a aac wma mp4 m4v mov avi mkv webm wmv mpg mpeg",
    "a font": "ttf otf woff woff2 eot",
    "a program or its parts": "exe dll so dylib a o obj lib class jar war pyc pyo pyd wasm bin whl egg deb rpm msi apk",
    "an archive": "zip gz tgz bz2 xz zst 7z rar tar iso dmg cab lz4",
    "a database or a model": "sqlite sqlite3 db mdb accdb parquet arrow feather npy npz pkl pickle h5 hdf5 pt pth onnx "
    "safetensors gguf",
    "an old Office format": "doc xls ppt dot xlt pps",
    "a source map or a lock file": "map lock",
}
_REFUSED = {ending: what for what, endings in _NOT_DOCUMENTS.items() for ending in endings.split()}


@cache
def endings() -> dict[str, str]:
    """Return which parser each name ending belongs to; the first parser by name keeps a contested one."""
    return {
        ending: name for name in reversed(names("parser")) for ending in plugin("parser", name).config_type().extensions
    }


@cache
def plugin(kind: str, name: str) -> Plugin:
    """Load a plug-in once per process: looking for those of other packages takes 10 ms, as long as parsing a page."""
    return load(kind, name)


def choose(uri: str, stream: BinaryIO, owners: Mapping[str, str]) -> str:
    """Return the name of the parser for a file; the stream is left at its beginning.

    Raises InputError when there is none, saying what the file is.
    """
    ending = ending_of(uri)
    if ending in owners:
        return owners[ending]
    if ending in _REFUSED:
        raise _refusal(ending)
    beginning = stream.read(SAMPLE_BYTES)
    stream.seek(0)
    return _by_content(beginning)


def ending_of(uri: str) -> str:
    """Return the lower-case ending of a name, without its dot; empty for names without one and for dot files."""
    name = uri.rpartition("/")[2]
    stem, _, ending = name.rpartition(".")
    return ending.lower() if stem else ""


def _by_content(beginning: bytes) -> str:
    if beginning.startswith(b"%PDF-"):
        return "pdf"
    if beginning.startswith(b"PK\x03\x04") and any(part in beginning for part in _OFFICE_PARTS):
        return "office"
    if _HTML.match(beginning):
        return "html"
    if beginning.startswith(b"PK\x03\x04"):
        raise not_text(beginning)
    detect(beginning, is_whole=len(beginning) < SAMPLE_BYTES)
    return "text"


def _refusal(ending: str) -> InputError:
    fix = "leave it out"
    if ending in ("doc", "xls", "ppt", "dot", "xlt", "pps"):
        fix = f"save it as .{ending[:3]}x or PDF"
    if ending in ("zip", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar"):
        fix = "unpack it beside the other documents"
    return InputError("there is no parser for it", why=f"by its name (.{ending}) it is {_REFUSED[ending]}", fix=fix)
