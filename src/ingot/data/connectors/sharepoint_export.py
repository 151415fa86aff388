"""Document libraries downloaded from SharePoint or OneDrive: the zip file, and the library's list as CSV.

"Download" gives the files without what the library knows about them; "Export to CSV" of the same view gives that:
version, people and labels. Rows are matched to files by Path and Name.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.errors import InputError, UsageError, suggest
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.containers import list_containers, refused, with_body
from ingot.data.local_files import LEFT_BEHIND, find_files
from ingot.data.packed import packed_files
from ingot.data.rights import Rights
from ingot.data.row_text import modified_seconds
from ingot.flow.source import Snapshot, SourceItem

_LIST_BYTES = 64 << 20
_FIELDS = ("version", "owner", "licence", "access", "retention", "region", "modified")
_USUAL = {"version": "Version", "owner": "Created By", "retention": "Retention label", "modified": "Modified"}


@dataclass(frozen=True)
class Config:
    """Which downloads to read, and the exported list that describes them.

    `columns` maps version, owner, licence, access, retention, region and modified to columns of the list, whose names
    depend on the language of the site; those not named are taken as the English site has them. `name` and `path` are
    the columns that say which file a row is about.
    """

    paths: tuple[str, ...]
    listing: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    name: str = "Name"
    path: str = "Path"
    exclude: tuple[str, ...] = LEFT_BEHIND
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the downloads of `config.paths`. `cache` holds their files and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        for name in config.columns:
            if name not in _FIELDS:
                raise UsageError(f"{name!r} is nothing a file has", where="columns", fix=suggest(name, _FIELDS))
        self._config = config
        places = [os.path.abspath(os.path.expanduser(path)) for path in config.paths]
        self._state = SourceState(cache, "sharepoint_export", [places, config.exclude])

    def snapshot(self) -> Snapshot:
        """List every file; a download that did not change, nor its list, is not opened."""
        found = find_files(self._config.paths, self._config.exclude)
        files = [file for file in found if file.path.suffix.lower() == ".zip"]
        options = {"rows": self._rows()}
        with self._state as state:
            items, skipped = list_containers(state, files, f"{__name__}:{library.__name__}", options)
            return state.finish(items, skipped, self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a file."""
        return open_copy(item)

    def _rows(self) -> dict[str, dict[str, str]]:
        """Return what the list says, by the full path of each file."""
        if not self._config.listing:
            return {}
        columns = {**_USUAL, **self._config.columns}
        rows: dict[str, dict[str, str]] = {}
        for row in self._listed():
            full = f"{row[self._config.path].strip('/')}/{row[self._config.name]}"
            rows[full] = {name: row[column] for name, column in columns.items() if row.get(column)}
        return rows

    def _listed(self) -> Iterator[dict[str, str]]:
        path = Path(self._config.listing).expanduser()
        try:
            with path.open("rb") as file:
                text = file.read(_LIST_BYTES).decode("utf-8-sig")
            reader = csv.DictReader(io.StringIO(text), restkey="more")
            for name in (self._config.name, self._config.path, *self._config.columns.values()):
                if name not in (reader.fieldnames or ()):
                    raise UsageError(
                        f"the list has no column {name!r}", where=str(path), fix=suggest(name, reader.fieldnames or ())
                    )
            yield from reader
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise InputError(
                "the list cannot be read", where=str(path), why=why, fix="export it again as CSV"
            ) from None


def library(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the files of a download as items; runs in the sandbox."""
    by_name: dict[str, list[str]] = {}
    for full in task["rows"]:
        by_name.setdefault(full.rpartition("/")[2], []).append(full)
    for file in packed_files(stream):
        if file.reason:
            yield refused(file.name, file.reason)
            continue
        fitting = [
            full for full in by_name.get(file.name.rpartition("/")[2], ()) if f"/{full}".endswith(f"/{file.name}")
        ]
        known = dict(task["rows"][fitting[0]]) if len(fitting) == 1 else {}
        modified = modified_seconds(known.pop("modified", "")) or file.modified
        access = sorted({name.strip() for name in known.pop("access", "").split(";")} - {""})
        try:
            yield from with_body(file.name, file.open(), modified, access=access, **known)
        except InputError as error:
            yield refused(file.name, error.what)
