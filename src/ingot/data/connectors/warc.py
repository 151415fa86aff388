"""Web pages and files out of web archives (WARC, ISO 28500, and ARC), as a crawler or a browser extension kept them.

A page is named by its address and dated by its capture. Where an archive holds several captures the latest counts, and
of several archives the one whose name sorts last, as crawlers number them. Nothing is fetched.
"""

from __future__ import annotations

import datetime
import fnmatch
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from ingot.core.errors import InputError, MissingExtraError
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.containers import list_containers, refused, with_body
from ingot.data.local_files import LEFT_BEHIND, find_files
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem

if TYPE_CHECKING:
    from warcio.recordloader import ArcWarcRecord

_ENDINGS = (".warc", ".warc.gz", ".arc", ".arc.gz")
_KINDS = ("response", "resource", "conversion")
_LONGEST_NAME = 2000


@dataclass(frozen=True)
class Config:
    """Which archives to read, and what to take out of them: pages of `hosts` (patterns) with one of `media_types`."""

    paths: tuple[str, ...]
    hosts: tuple[str, ...] = ("*",)
    media_types: tuple[str, ...] = (
        *("text/html", "application/xhtml+xml", "text/plain", "text/markdown"),
        *("application/pdf", "application/vnd.openxmlformats-officedocument.*"),
    )
    most_bytes: int = 64 << 20
    exclude: tuple[str, ...] = LEFT_BEHIND
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the archives of `config.paths`. `cache` holds the pages and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        try:
            import warcio  # noqa: F401 - is it installed?
        except ModuleNotFoundError:
            raise MissingExtraError("the connector for web archives", "warc") from None
        self._config = config
        places = [os.path.abspath(os.path.expanduser(path)) for path in config.paths]
        self._state = SourceState(cache, "warc", [places, config.exclude])

    def snapshot(self) -> Snapshot:
        """List every page; archives that did not change are not opened."""
        found = find_files(self._config.paths, self._config.exclude)
        files = [file for file in found if file.uri.lower().endswith(_ENDINGS)]
        names = ("hosts", "media_types", "most_bytes")
        options = {name: getattr(self._config, name) for name in names}
        with self._state as state:
            items, skipped = list_containers(state, files, f"{__name__}:{pages.__name__}", options)
            return state.finish(items, skipped, self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a page."""
        return open_copy(item)


def pages(task: Mapping[str, Any], stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield the latest capture of every page of an archive as an item; runs in the sandbox."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    try:
        for name, (date, place) in sorted(_latest(stream, task).items(), key=lambda pair: pair[1][1]):
            stream.seek(place)
            archive = ArchiveIterator(stream, arc2warc=True)
            record = next(iter(archive))
            content = record.content_stream().read(task["most_bytes"] + 1)
            if len(content) > task["most_bytes"]:
                yield refused(name, f"it is larger than {task['most_bytes'] >> 20} MiB")
            elif content:
                yield from with_body(name, [content], _seconds(date), version=date, media_type=_media_type(record))
    except (ArchiveLoadFailed, EOFError) as error:
        raise InputError("the archive is damaged", why=str(error)[:300], fix="fetch it again") from None


def _latest(stream: BinaryIO, task: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Return date and place of the latest capture of every page that is wanted."""
    from warcio.archiveiterator import ArchiveIterator

    latest: dict[str, tuple[str, int]] = {}
    archive = ArchiveIterator(stream, arc2warc=True)
    for record in archive:
        name, date = _name(record), record.rec_headers.get_header("WARC-Date") or ""
        if _is_wanted(record, name, task) and date >= latest.get(name, ("", 0))[0]:
            latest[name] = (date, archive.get_record_offset())  # which reads the record to its end
    return latest


def _is_wanted(record: ArcWarcRecord, name: str, task: Mapping[str, Any]) -> bool:
    if record.rec_type not in _KINDS or not name:
        return False
    if record.http_headers is not None and record.http_headers.get_statuscode() != "200":
        return False
    host = urlsplit(name).hostname or ""
    return _matches(host, task["hosts"]) and _matches(_media_type(record), task["media_types"])


def _name(record: ArcWarcRecord) -> str:
    """Return the address of a page, or nothing when it is none that a table or a terminal should hold."""
    name = (record.rec_headers.get_header("WARC-Target-URI") or "").strip("<>")
    try:
        is_page = urlsplit(name).scheme in ("http", "https")
    except ValueError:
        return ""
    return name if is_page and name.isprintable() and len(name) <= _LONGEST_NAME else ""


def _media_type(record: ArcWarcRecord) -> str:
    headers = record.http_headers if record.http_headers is not None else record.rec_headers
    return (headers.get_header("Content-Type") or "").partition(";")[0].strip().lower()


def _matches(text: str, patterns: list[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def _seconds(date: str) -> float:
    try:
        return datetime.datetime.fromisoformat(date).timestamp()
    except ValueError:
        return 0.0
