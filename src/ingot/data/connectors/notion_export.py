"""Workspaces exported from Notion ("Markdown & CSV" or HTML): the zip file as it was downloaded.

A page is named by its path in the export, which ends in the page's id and is the same in the next export; that one may
simply replace the last. Large exports hold parts that are archives themselves; they are read as one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.containers import list_containers, refused, with_body
from ingot.data.local_files import LEFT_BEHIND, find_files
from ingot.data.packed import packed_files
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem

_PAGE = re.compile(r"(?P<title>.*?)[ _-]?(?P<id>[0-9a-f]{32})(?:_all)?\.(?:md|csv|html)")
_PART = re.compile(r"(?:^|.*/)Export-[^/]*/")


@dataclass(frozen=True)
class Config:
    """Which exports to read: zip files, or folders that hold them. Of two exports the one that sorts last counts."""

    paths: tuple[str, ...]
    exclude: tuple[str, ...] = LEFT_BEHIND
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the exports of `config.paths`. `cache` holds their pages and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        places = [os.path.abspath(os.path.expanduser(path)) for path in config.paths]
        self._state = SourceState(cache, "notion_export", [places, config.exclude])

    def snapshot(self) -> Snapshot:
        """List every page and file; an export that did not change is not opened."""
        found = find_files(self._config.paths, self._config.exclude)
        files = [file for file in found if file.path.suffix.lower() == ".zip"]
        with self._state as state:
            items, skipped = list_containers(state, files, f"{__name__}:{pages.__name__}", {})
            return state.finish(items, skipped, self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a page."""
        return open_copy(item)


def pages(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the pages and files of an export as items; runs in the sandbox."""
    files = packed_files(stream)
    names = {file.name for file in files}
    for file in files:
        name = _PART.sub("", file.name)
        stem, dot, ending = file.name.rpartition(".")
        if file.reason:
            yield refused(name, file.reason)
        elif ending == "csv" and f"{stem}_all{dot}{ending}" in names:
            continue  # a view of the database that the other file holds whole
        else:
            page = _PAGE.fullmatch(name.rpartition("/")[2])
            meta = {"title": page["title"], "page": page["id"]} if page else {}
            try:
                yield from with_body(name, file.open(), file.modified, meta=meta)
            except InputError as error:
                yield refused(name, error.what)
