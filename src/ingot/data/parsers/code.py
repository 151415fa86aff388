"""Source code: text with a language, known by its name ending, and often a licence it states itself.

The text stays exactly as it is: indentation and symbols are the content. An SPDX line near the top becomes the
document's licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from ingot.data.cutting import text_pieces
from ingot.data.document import Document, as_documents
from ingot.flow.source import SourceItem

LANGUAGES = {
    "python": "py pyi pyw pyx pxd",
    "javascript": "js mjs cjs jsx",
    "typescript": "ts mts cts tsx",
    "java": "java",
    "kotlin": "kt kts",
    "scala": "scala sbt",
    "groovy": "groovy gradle",
    "c": "c h",
    "c++": "cc cpp cxx hh hpp hxx ipp tpp",
    "csharp": "cs csx",
    "fsharp": "fs fsx",
    "visual-basic": "vb bas",
    "go": "go",
    "rust": "rs",
    "swift": "swift",
    "objective-c": "m mm",
    "ruby": "rb rake",
    "php": "php",
    "perl": "pl pm",
    "lua": "lua",
    "r": "r",
    "julia": "jl",
    "matlab": "mlx",
    "fortran": "f f90 f95 f03",
    "cobol": "cob cbl cpy",
    "pascal": "pas dpr",
    "abap": "abap",
    "haskell": "hs lhs",
    "ocaml": "ml mli",
    "erlang": "erl hrl",
    "elixir": "ex exs",
    "clojure": "clj cljs edn",
    "lisp": "lisp el scm rkt",
    "dart": "dart",
    "zig": "zig",
    "nim": "nim",
    "assembly": "asm s",
    "verilog": "v sv vh",
    "vhdl": "vhd vhdl",
    "structured-text": "st scl",
    "solidity": "sol",
    "shell": "sh bash zsh fish",
    "powershell": "ps1 psm1 psd1",
    "batch": "bat cmd",
    "sql": "sql ddl",
    "graphql": "graphql gql",
    "protobuf": "proto thrift",
    "terraform": "tf tfvars hcl",
    "cmake": "cmake",
    "make": "mk mak",
    "dockerfile": "dockerfile",
    "nix": "nix",
    "css": "css scss sass less",
    "vue": "vue",
    "svelte": "svelte",
    "xml": "xml xsd xsl xslt wsdl",
    "yaml": "yaml yml",
    "toml": "toml",
    "ini": "ini cfg conf properties",
}
_LANGUAGE_OF = {ending: language for language, endings in LANGUAGES.items() for ending in endings.split()}
_LICENCE = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]+?)[ \t]*(?:\*/|-->|$)", re.MULTILINE)
_HEAD_CHARACTERS = 4000


@dataclass(frozen=True)
class Config:
    """Settings of the code parser: which name endings are its own, and the longest document in bytes."""

    # Most XML is a text; where it is source, this parser is chosen by its root element.
    extensions: tuple[str, ...] = tuple(ending for ending in _LANGUAGE_OF if ending != "xml")
    piece_bytes: int = 1 << 20


def parse(stream: BinaryIO, item: SourceItem, config: Config) -> Iterator[Document]:
    """Yield the source file as one Document, or as pieces when it is long; `media_type` names the language."""
    language = _LANGUAGE_OF.get(item.uri.rpartition(".")[2].lower(), "plain")
    pieces = text_pieces(stream, config.piece_bytes)
    first = next(pieces)
    licence = _LICENCE.search(first.text, 0, _HEAD_CHARACTERS)
    return as_documents(
        chain([first], pieces),
        item,
        media_type=f"text/x-{language}",
        parser="code",
        licence=licence.group(1) if licence else None,
    )
