"""Which parser reads a file: by the ending of its name, and for unknown endings by what its first bytes look like.

The endings belong to the parsers (`Config.extensions`), so a new parser needs no entry anywhere. A name without an
ending (LICENSE, Makefile) or with an unknown one is read when it looks like text, and refused with what it is when it
does not. XML is a text, a web page or source code: its root element tells.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from functools import cache
from typing import BinaryIO

from ingot.core.errors import InputError
from ingot.core.plugins import Plugin, load, names
from ingot.data.decoding import SAMPLE_BYTES, detect, not_text
from ingot.data.office_types import PARSER_OF, office_type

_HTML = re.compile(rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
# What may stand before the root element: white space, a declaration or instruction, a comment, a document type.
_PROLOG = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)([^<>]*)")
_XML_MARKS = codecs.BOM_UTF8 + b" \t\r\n"
_PROLOG_BYTES = 64 << 10
# Written by and for programs: pictures, stylesheets, schemas, builds, screens.
_SOURCES = frozenset(
    [
        *("svg", "collada", "x3d", "mxfile", "graphml", "stylesheet", "transform", "schema", "definitions", "grammar"),
        *("linkbase", "xmi", "pmml", "project", "manifest", "beans", "web-app", "persistence", "hibernate-mapping"),
        *("mapper", "databasechangelog", "ruleset", "plist", "interface", "ui"),
    ]
)
_SCREENS = (
    "schemas.android.com",
    "schemas.microsoft.com/winfx",
    "schemas.microsoft.com/developer/msbuild",
    "javafx.com",
)
_OFFICE = frozenset(PARSER_OF.values()) - {"mail"}
_ZIP = b"PK\x03\x04"
# The name says enough, so these are not even opened.
_NOT_DOCUMENTS = {
    "a picture": "ico icns svg psd heic avif raw cr2 nef ai eps",
    "a film": "mp4 m4v mov avi mkv wmv mpg mpeg",
    "sound": "wma aiff mid midi",
    "a font": "ttf otf woff woff2 eot",
    "a program or its parts": "exe dll so dylib a o obj lib class jar war pyc pyo pyd wasm bin whl egg deb rpm msi apk",
    "an archive": "7z rar iso dmg cab lz4 z",
    "a database or a model": "sqlite sqlite3 db mdb accdb parquet arrow feather npy npz h5 hdf5 onnx safetensors gguf",
    "a pickle, which runs its writer's code when it is read": "pkl pickle joblib pt pth ckpt",
    "an iWork document": "pages numbers key",
    "a source map or a lock file": "map lock",
}
_FIXES = {
    "an archive": "unpack it, then give the folder",
    "an iWork document": "export it as PDF, Word or Excel",
    "a film": "leave it out, or give its sound (.m4a, .mp3)",
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
    if ending not in owners and ending in _REFUSED:
        raise _refusal(ending)
    beginning = stream.read(SAMPLE_BYTES)
    stream.seek(0)
    owner = owners.get(ending)
    if owner is None:
        return _by_content(beginning)
    if owner in _OFFICE:
        # Office programs open any of their formats whatever its name, and web pages too: such files are about.
        return "html" if _HTML.match(beginning) else PARSER_OF.get(office_type(beginning), owner)
    return _of_xml(beginning) or owner if owner == "xml" else owner


def ending_of(uri: str) -> str:
    """Return the lower-case ending of a name, without its dot; empty for names without one and for dot files."""
    name = uri.rpartition("/")[2]
    stem, _, ending = name.rpartition(".")
    return ending.lower() if stem else ""


def _by_content(beginning: bytes) -> str:
    if beginning.startswith(b"%PDF-"):
        return "pdf"
    if (kind := office_type(beginning)) in PARSER_OF:
        return PARSER_OF[kind]
    if _HTML.match(beginning):
        return "html"
    if beginning.startswith(_ZIP):  # any program's own format may be one
        raise not_text(beginning)
    if beginning[:256].lstrip(_XML_MARKS).startswith(b"<?xml") and _of_xml(beginning) == "xml":
        return "xml"
    detect(beginning, is_whole=len(beginning) < SAMPLE_BYTES)
    return "text"


def _of_xml(beginning: bytes) -> str:
    """Return which parser reads XML with this beginning, by its root element; empty when there is none."""
    is_wide = beginning[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    text = beginning[:_PROLOG_BYTES].decode("utf-16" if is_wide else "utf-8", "replace").lstrip("\ufeff")
    place = 0
    while before := _PROLOG.match(text, place):
        place = before.end()
    root = _ROOT.match(text, place)
    if root is None:
        return ""
    if root[1].lower() == "html":
        return "html"
    return "code" if root[1].lower() in _SOURCES or any(screen in root[2] for screen in _SCREENS) else "xml"


def _refusal(ending: str) -> InputError:
    kind = _REFUSED[ending]
    fix = _FIXES.get(kind, "leave it out")
    return InputError("there is no parser for it", why=f"by its name (.{ending}) it is {kind}", fix=fix)
