"""Pages of a web site, as its sitemap lists them (sitemaps.org 0.90), of hosts that were allowed and no other.

Everything goes through core/fetch. robots.txt is respected, with the pause it asks for. A page that was fetched before
is asked for with its etag or date, so an unchanged one costs a request and no bytes; one that answers 404 or 410, or is
no longer listed, is gone.
"""

from __future__ import annotations

import contextlib
import email.utils
import fnmatch
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

import ingot
from ingot.core.addresses import Target, check_name, read_url
from ingot.core.errors import InputError
from ingot.core.fetch import Answer, Fetcher, Network, Request
from ingot.core.secrets import read_secret
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import Known, SourceState
from ingot.data.plain_xml import local_name, parse_xml
from ingot.data.rights import Rights
from ingot.data.robots import NOTHING, Rules, read_robots
from ingot.data.row_text import modified_seconds
from ingot.flow.source import Snapshot, SourceItem

_ROBOT = "ingot"
_SITEMAP_BYTES = 50 << 20  # what the protocol allows, unpacked
_GZIP = b"\x1f\x8b"
_GONE = (404, 410)


@dataclass(frozen=True)
class Config:
    """Which sitemap to follow. Its own host is allowed by being named here; others in `network.hosts`.

    `include` and `exclude` are patterns of whole addresses. `pause_seconds` lies between two requests at least.
    `credential` names the value of an Authorization header, for a site that asks for one.
    """

    url: str
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    pause_seconds: float = 0.5
    most_pages: int = 50_000
    most_sitemaps: int = 500
    credential: str = ""
    network: Network = field(default_factory=Network)
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the pages of the sitemap. `cache` holds copies of them and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        self._authorization = read_secret(config.credential, "credential").reveal() if config.credential else ""
        self._home = read_url(config.url)
        hosts = (*config.network.hosts, self._home.authority)
        agent = f"{_ROBOT}/{ingot.__version__}"
        self._fetcher = Fetcher(replace(config.network, hosts=hosts), agent=agent)
        self._robots: dict[str, Rules] = {}
        self._state = SourceState(cache, "sitemap", config.url)

    def snapshot(self) -> Snapshot:
        """Ask for every page; those that did not change are not sent again."""
        items: list[SourceItem] = []
        skipped: dict[str, str] = {}
        with self._state as state:
            for url, changed in self._pages(skipped).items():
                try:
                    item = self._item(state, read_url(url), changed)
                except InputError as error:
                    skipped[url] = f"{error.what}: {error.why}"
                    continue
                if item is not None:
                    items.append(item)
            return state.finish(items, skipped.items(), self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a page."""
        return open_copy(item)

    def _pages(self, skipped: dict[str, str]) -> dict[str, str]:
        """Return the addresses of all pages with the date their sitemap gives, in order."""
        waiting, seen = [self._config.url], {self._config.url}
        pages: dict[str, str] = {}
        while waiting:
            is_index, listed = self._sitemap(read_url(waiting.pop(0)))
            for url, changed in listed:
                try:
                    target = read_url(url)
                    check_name(target, self._fetcher.network.hosts)
                except InputError as error:
                    skipped[url] = error.why
                    continue
                if is_index and target.url not in seen:
                    waiting.append(target.url)
                    seen.add(target.url)
                elif not is_index and self._is_wanted(target.url):
                    pages[target.url] = changed
            if len(seen) > self._config.most_sitemaps or len(pages) > self._config.most_pages:
                raise InputError(
                    f"the sitemap lists more than {self._config.most_pages} pages or {self._config.most_sitemaps} maps",
                    where=self._home.shown,
                    fix="choose with include and exclude, or raise most_pages",
                )
        return dict(sorted(pages.items()))

    def _is_wanted(self, url: str) -> bool:
        def matches(patterns: tuple[str, ...]) -> bool:
            return any(fnmatch.fnmatchcase(url, pattern) for pattern in patterns)

        return matches(self._config.include) and not matches(self._config.exclude)

    def _sitemap(self, target: Target) -> tuple[bool, list[tuple[str, str]]]:
        """Return whether a sitemap lists sitemaps, and what it lists: (address, date of change)."""
        with self._asked(target, {}, _SITEMAP_BYTES) as answer:
            if not answer.is_there:
                raise _not_there(target, answer.status)
            content = _unpacked(answer.read(), target)
        if target.path.partition("?")[0].endswith(".txt"):
            lines = content.decode("utf-8-sig", errors="replace").splitlines()
            return False, [(line.strip(), "") for line in lines if line.strip()]
        root = parse_xml(content, target.shown)
        listed = []
        for entry in root:
            words = {local_name(part): (part.text or "").strip() for part in entry}
            if words.get("loc"):
                listed.append((words["loc"], words.get("lastmod", "")))
        return local_name(root) == "sitemapindex", listed

    def _item(self, state: SourceState, target: Target, changed: str) -> SourceItem | None:
        """Return a page, fetched or known; None when it is gone. Raises InputError when it cannot be had."""
        known = state.known(target.url)
        with self._asked(target, _conditions(known)) as answer:
            if answer.status == 304 and known is not None:
                return known.item
            if answer.status in _GONE:
                return None
            if not answer.is_there:
                raise _not_there(target, answer.status)
            copy = state.keep(answer.chunks)
            stamps = {name: answer.headers[name] for name in ("etag", "last-modified") if name in answer.headers}
            version = stamps.get("etag", "").removeprefix("W/").strip('"') or stamps.get("last-modified") or changed
            modified = _seconds(stamps.get("last-modified", "")) or modified_seconds(changed)
            item = copy.as_item(target.url, modified, version=version or None, media_type=answer.media_type or None)
        return state.remember(item, **stamps)

    @contextlib.contextmanager
    def _asked(self, target: Target, conditions: Mapping[str, str], most_bytes: int = 0) -> Iterator[Answer]:
        rules = self._rules(target)
        if not rules.allows(target.path):
            raise InputError("it was not asked for", where=target.shown, why="robots.txt of the site asks not to")
        self._pause(rules)
        # The name and password for one site are nobody else's.
        authorization = self._authorization if target.origin == self._home.origin else ""
        asked = Request(target.url, headers=conditions, authorization=authorization, most_bytes=most_bytes)
        with self._fetcher.open(asked) as answer:
            yield answer

    def _rules(self, target: Target) -> Rules:
        """Return what robots.txt of a host says: without one everything is allowed, while it fails nothing is."""
        if target.origin not in self._robots:
            with self._fetcher.open(Request(f"{target.origin}/robots.txt")) as answer:
                if answer.is_there:
                    self._robots[target.origin] = read_robots(answer.read(), _ROBOT)
                else:
                    self._robots[target.origin] = NOTHING if answer.status >= 500 else Rules()
        return self._robots[target.origin]

    def _pause(self, rules: Rules) -> None:
        time.sleep(max(self._config.pause_seconds, rules.delay_seconds))


def _conditions(known: Known | None) -> dict[str, str]:
    if known is None:
        return {}
    names = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    return {header: known.notes[note] for note, header in names.items() if note in known.notes}


def _unpacked(content: bytes, target: Target) -> bytes:
    if not content.startswith(_GZIP):
        return content
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacker.decompress(content, _SITEMAP_BYTES)
    except zlib.error as error:
        raise InputError("the sitemap is damaged", where=target.shown, why=str(error)) from None
    if unpacker.unconsumed_tail:
        raise InputError("the sitemap is too large", where=target.shown, why=f"more than {_SITEMAP_BYTES >> 20} MiB")
    return unpacked


def _not_there(target: Target, status: int) -> InputError:
    reasons = {401: "it asks for a name and password", 403: "it is forbidden", 429: "it asks for more patience"}
    why = reasons.get(status, "it is not there" if status in _GONE else f"it answers {status}")
    return InputError(
        "it could not be fetched", where=target.shown, why=why, fix="check the address and the credential"
    )


def _seconds(date: str) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() if date else 0.0
    except (ValueError, OverflowError):
        return 0.0
