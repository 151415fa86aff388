"""Files of a web server that lists its folders: by WebDAV (RFC 4918), or as a page of links ("Index of /docs").

Everything goes through core/fetch. With WebDAV the listing tells which files changed and only those are asked for; with
a page of links each file is asked for with its etag or date, so an unchanged one costs a request and no bytes. Nothing
above the folder that was named, and no other host, is followed.
"""

from __future__ import annotations

import contextlib
import email.utils
import fnmatch
import html.parser
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

import ingot
from ingot.core.addresses import Target, read_url
from ingot.core.errors import InputError
from ingot.core.fetch import Answer, Fetcher, Network, Request
from ingot.core.secrets import read_secret
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.plain_xml import local_name, parse_xml
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem

_ASKED_FOR = (
    b'<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getetag/>'
    b"<getlastmodified/><getcontentlength/></prop></propfind>"
)
_WITHOUT_WEBDAV = (400, 403, 404, 405, 501)
_GONE = (404, 410)


@dataclass(frozen=True)
class Config:
    """Which folder of a server to read, with everything below it.

    `include` and `exclude` are patterns of names relative to it. `credential` names the value of an Authorization
    header ("Basic ..." or "Bearer ...").
    """

    url: str
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    most_files: int = 100_000
    credential: str = ""
    network: Network = field(default_factory=Network)
    rights: Rights = field(default_factory=Rights)


@dataclass(frozen=True)
class _Listed:
    """What a listing says of a file; `version` is empty where it says too little."""

    target: Target
    version: str = ""
    modified: float = 0.0


class Connector:
    """Reads the files below `config.url`. `cache` holds copies of them and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        self._authorization = read_secret(config.credential, "credential").reveal() if config.credential else ""
        home = read_url(config.url)
        self._home = replace(home, path=home.path.partition("?")[0].rstrip("/") + "/")
        hosts = (*config.network.hosts, home.authority)
        self._fetcher = Fetcher(replace(config.network, hosts=hosts), agent=f"ingot/{ingot.__version__}")
        self._state = SourceState(cache, "http_listing", self._home.url)

    def snapshot(self) -> Snapshot:
        """List every file; only those that changed are sent."""
        items: list[SourceItem] = []
        skipped: dict[str, str] = {}
        with self._state as state:
            for listed in self._files(skipped):
                uri = self._name(listed.target)
                try:
                    item = self._item(state, uri, listed)
                except InputError as error:
                    skipped[uri] = f"{error.what}: {error.why}"
                    continue
                if item is not None:
                    items.append(item)
            return state.finish(items, skipped.items(), self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a file."""
        return open_copy(item)

    def _name(self, target: Target) -> str:
        return urllib.parse.unquote(target.path.removeprefix(self._home.path), errors="backslashreplace")

    def _files(self, skipped: dict[str, str]) -> Iterator[_Listed]:
        """Yield the files of all folders. Raises InputError when the first folder cannot be listed."""
        waiting, seen = [self._home], {self._home.path}
        count = 0
        while waiting:
            folder = waiting.pop(0)
            try:
                entries = sorted(self._folder(folder), key=lambda entry: entry.target.path)
            except InputError as error:
                if folder == self._home:
                    raise
                skipped[self._name(folder)] = f"{error.what}: {error.why}"
                continue
            for entry in entries:
                if entry.target.path in seen:
                    continue
                seen.add(entry.target.path)
                if entry.target.path.endswith("/"):
                    waiting.append(entry.target)
                elif self._is_wanted(self._name(entry.target)):
                    count += 1
                    yield entry
            if count > self._config.most_files:
                fix = "choose with include and exclude, or raise most_files"
                raise InputError(
                    f"there are more than {self._config.most_files} files", where=self._home.shown, fix=fix
                )

    def _folder(self, folder: Target) -> list[_Listed]:
        options = {"Depth": "1", "Content-Type": "application/xml; charset=utf-8"}
        with self._asked(Request(folder.url, "PROPFIND", options, _ASKED_FOR)) as answer:
            if answer.status == 207:
                return self._from_webdav(folder, parse_xml(answer.read(), folder.shown))
            if answer.status not in _WITHOUT_WEBDAV and not answer.is_there:
                raise _not_listed(folder, answer.status)
        with self._asked(Request(folder.url)) as answer:
            if not answer.is_there:
                raise _not_listed(folder, answer.status)
            return self._from_links(answer)

    def _from_webdav(self, folder: Target, root: ElementTree.Element) -> list[_Listed]:
        found = []
        for response in root:
            words = {local_name(part): (part.text or "").strip() for part in response.iter()}
            target = self._below(folder, words.get("href", ""))
            if target is None:
                continue
            if "collection" in words:
                target = replace(target, path=target.path.rstrip("/") + "/")
            dated = f"{words.get('getlastmodified', '')} {words.get('getcontentlength', '')}".strip()
            version = _tag(words.get("getetag", "")) or dated
            found.append(_Listed(target, version, _seconds(words.get("getlastmodified", ""))))
        return found

    def _from_links(self, answer: Answer) -> list[_Listed]:
        links = _Links()
        links.feed(answer.read().decode("utf-8", errors="replace"))
        targets = (self._below(answer.target, link) for link in links.found)
        return [_Listed(target) for target in targets if target is not None]

    def _below(self, folder: Target, link: str) -> Target | None:
        """Return where a link leads when that is below the folder that was named, on the same server."""
        try:
            target = read_url(urllib.parse.urljoin(folder.url, link))
        except (InputError, ValueError):
            return None
        parts = urllib.parse.unquote(target.path).split("/")
        is_below = target.origin == self._home.origin and target.path.startswith(folder.path)
        has_detour = ".." in parts or "." in parts or "?" in target.path
        return target if is_below and not has_detour and target.path != folder.path else None

    def _is_wanted(self, name: str) -> bool:
        def matches(patterns: tuple[str, ...]) -> bool:
            return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

        return matches(self._config.include) and not matches(self._config.exclude)

    def _item(self, state: SourceState, uri: str, listed: _Listed) -> SourceItem | None:
        """Return a file, fetched or known; None when it is gone. Raises InputError when it cannot be had."""
        known = state.known(uri)
        if known is not None and listed.version and known.notes.get("listed") == listed.version:
            return known.item
        conditions: Mapping[str, str] = {}
        if known is not None:
            names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
            conditions = {header: known.notes[note] for note, header in names.items() if note in known.notes}
        with self._asked(Request(listed.target.url, headers=conditions)) as answer:
            if answer.status == 304 and known is not None:
                return known.item
            if answer.status in _GONE:
                return None
            if not answer.is_there:
                raise InputError(
                    "it could not be fetched", where=listed.target.shown, why=f"it answers {answer.status}"
                )
            copy = state.keep(answer.chunks)
            stamps = {name: answer.headers[name] for name in ("etag", "last-modified") if name in answer.headers}
            version = _tag(stamps.get("etag", "")) or stamps.get("last-modified") or listed.version
            media_type = answer.media_type if "." not in uri.rpartition("/")[2] else ""
            modified = _seconds(stamps.get("last-modified", "")) or listed.modified
            item = copy.as_item(uri, modified, version=version or None, media_type=media_type or None)
        return state.remember(item, listed=listed.version, **stamps)

    @contextlib.contextmanager
    def _asked(self, request: Request) -> Iterator[Answer]:
        with self._fetcher.open(replace(request, authorization=self._authorization)) as answer:
            yield answer


class _Links(html.parser.HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _tag(etag: str) -> str:
    return etag.removeprefix("W/").strip('"')


def _not_listed(folder: Target, status: int) -> InputError:
    return InputError(
        "the folder cannot be listed",
        where=folder.shown,
        why=f"it answers {status}",
        fix="check the address and the credential",
    )


def _seconds(date: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() if date else 0.0
    except (ValueError, OverflowError):
        return 0.0
