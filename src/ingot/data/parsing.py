"""From one item to its documents: choose the parser, run it, and do the same for every file inside the file.

This is what runs in the sandbox; it opens nothing and knows no connector. A file inside a file is parsed like any
other, under the name `archive.zip!/folder/file.pdf`; when it cannot be read, that costs only itself. How many files one
item may hold, how much they may unpack to and how deep they may lie has bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from ingot.core.errors import IngotError, InputError
from ingot.core.storage import as_size
from ingot.data.document import Member, Unreadable, item_id
from ingot.data.opening import as_hashed, name_for_parser
from ingot.data.parser_choice import choose, endings, plugin
from ingot.flow.source import SourceItem, item_from_literals

Words = Iterator[dict[str, Any]]
Options = Mapping[str, Mapping[str, Any]]

_MOST_MEMBERS = 20_000
_MOST_BYTES = 4 << 30
_MOST_DEPTH = 4


@dataclass
class _Budget:
    """What one item may still unpack, counted through all files within."""

    members: int = _MOST_MEMBERS
    bytes: int = _MOST_BYTES

    @property
    def is_spent(self) -> bool:
        return self.members < 0 or self.bytes < 0

    def take(self, size: int) -> None:
        self.members -= 1
        self.bytes -= size
        if self.is_spent:
            why = f"more than {_MOST_MEMBERS} files or {as_size(_MOST_BYTES)}, counted through all archives within"
            raise InputError(
                "it unpacks to more than one file may hold", why=why, fix="unpack it, then give the folder"
            )


@dataclass(frozen=True)
class _Place:
    """Where in an item the reading is: how deep, in what (an id), and what is still allowed."""

    options: Options
    budget: _Budget
    parent: str | None = None
    depth: int = 0


def parse_item(task: Mapping[str, Any], opened: BinaryIO) -> Words:
    """Yield what comes of the `item` of a task, whose bytes are in `opened`, with the options `parsers`.

    {"parser": name, "uri": name} says what is read next, {"document": row of SCHEMA} is a document, and {"failure":
    fields} tells why a file inside could not be read. Raises InputError when the item itself cannot be.
    """
    item = item_from_literals(task["item"])
    with as_hashed(opened, item) as stream:
        yield from _parsed(stream, item, name_for_parser(item), _Place(task["parsers"], _Budget()))


def _parsed(stream: BinaryIO, item: SourceItem, name: str, place: _Place) -> Words:
    parser = plugin("parser", choose(name, stream, endings()))
    yield {"parser": parser.name, "uri": item.uri}
    own: str | None = None
    for part in parser.entry(stream, item, parser.config_type(**place.options.get(parser.name, {}))):
        if isinstance(part, Member):
            place.budget.take(part.bytes)
            yield from _member(part, item, replace(place, parent=own or item_id(item), depth=place.depth + 1))
        elif isinstance(part, Unreadable):
            yield _failure(f"{item.uri}!/{part.name}", None, part.reason)
        else:
            own = part.parent_id or part.doc_id
            yield {"document": replace(part, parent_id=part.parent_id or place.parent).as_row()}


def _member(member: Member, container: SourceItem, place: _Place) -> Words:
    item = replace(
        container,
        uri=f"{container.uri}!/{member.name}",
        bytes=member.bytes,
        sha256=f"{container.sha256}!/{member.name}",
        modified=container.modified if member.modified is None else member.modified,
        media_type=None,
    )
    parser: str | None = None
    try:
        if place.depth > _MOST_DEPTH:
            raise InputError("it lies too deep in other files", fix="unpack them, then give the folder")
        for word in _parsed(member.stream, item, item.uri, place):
            parser = word["parser"] if word.get("uri") == item.uri else parser
            yield word
    except InputError as error:
        if place.budget.is_spent:
            raise
        yield _failure(item.uri, parser, error)
    except MemoryError:
        raise
    except Exception as error:
        # A fault of a parser costs the file it was at, inside an archive as in a folder.
        fix = "leave it out, or convert it to text or PDF"
        yield _failure(item.uri, parser, InputError(f"{type(error).__name__}: {error}"[:2000], fix=fix))


def _failure(uri: str, parser: str | None, error: IngotError) -> dict[str, Any]:
    fields = {"uri": uri, "parser": parser, "what": error.what, "why": error.why, "fix": error.fix}
    return {"failure": fields}
