"""Spaces of a Confluence Cloud site, over its REST API. Never run against the real service.

It was written from Atlassian's published description (v2, and v1 for restrictions) and is tested against a server
written from the same. A snapshot lists the pages of the spaces with their revisions and reads the bodies of those that
changed; who may see a page is asked for each time, because that changes without a revision. Items are named as by
confluence_export.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.core.fetch import Network
from ingot.core.secrets import read_secret
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.json_api import JsonApi, as_described
from ingot.data.rights import Rights
from ingot.data.row_text import modified_seconds
from ingot.data.storage_format import page_html
from ingot.flow.source import Snapshot, SourceItem

_AT_ONCE = 250
_MEDIA_HOST = "api.media.atlassian.com"


@dataclass(frozen=True)
class Config:
    """Which spaces, by their keys, of which site: `url` ends in /wiki.

    `credential` names the API token of `user`; without a user it is sent as a bearer token. With `restrictions` a page
    that not everybody may see says who may (one request a page), with `attachments` files are read as well.
    """

    url: str
    spaces: tuple[str, ...]
    user: str = ""
    credential: str = ""
    restrictions: bool = True
    attachments: bool = True
    network: Network = field(default_factory=Network)
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the pages of `config.spaces`. `cache` holds copies of them and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        hosts = (_MEDIA_HOST,) if config.attachments else ()
        self._api = JsonApi(config.url, config.network, hosts=hosts, authorization=_authorization(config))
        self._state = SourceState(cache, "confluence", [self._api.url, sorted(config.spaces)])

    def snapshot(self) -> Snapshot:
        """List every page and attachment; only those with another revision than last time are read."""
        items: list[SourceItem] = []
        skipped: dict[str, str] = {}
        with self._state as state, as_described(self._api.url):
            for key, number in self._spaces().items():
                pages = {
                    page["id"]: page for page in self._all(f"/api/v2/spaces/{number}/pages", {"status": "current"})
                }
                viewers = _Viewers(self._api, pages, self._config.restrictions)
                for identity, page in pages.items():
                    uri = f"{key}/{identity}"
                    try:
                        access = viewers.of(identity)
                        items.append(self._page(state, uri, page, access))
                        if self._config.attachments:
                            items += self._attachments(state, uri, identity, access, skipped)
                    except InputError as error:
                        skipped[uri] = f"{error.what}: {error.why}"
            return state.finish(items, skipped.items(), self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a page."""
        return open_copy(item)

    def _spaces(self) -> dict[str, str]:
        """Return the numbers of the spaces by their keys. Raises InputError when one is not there."""
        listed = self._all("/api/v2/spaces", {"keys": ",".join(self._config.spaces)})
        found = {space["key"]: space["id"] for space in listed}
        missing = [key for key in self._config.spaces if key not in found]
        if missing:
            fix = "check the key, and that the user may see the space"
            raise InputError(f"there is no space {missing[0]!r}", where=self._api.url, fix=fix)
        return dict(sorted(found.items()))

    def _all(self, place: str, parameters: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the results of every page of an answer; its links lead from one to the next."""
        answer = self._api.get(place, {"limit": _AT_ONCE, **(parameters or {})})
        while True:
            yield from answer.get("results", [])
            link = answer.get("_links", {}).get("next")
            if not link:
                return
            answer = self._api.get(link.removeprefix("/wiki") if self._api.url.endswith("/wiki") else link)

    def _page(self, state: SourceState, uri: str, page: Mapping[str, Any], access: tuple[str, ...]) -> SourceItem:
        version = str(page["version"]["number"])
        known = state.known(uri)
        if known is not None and known.item.version == version:
            return _again(state, known.item, access)
        whole = self._api.get(f"/api/v2/pages/{page['id']}", {"body-format": "storage"})
        content = page_html(whole["title"], whole["body"]["storage"]["value"])
        copy = state.pack(content.encode("utf-8", "replace"))
        revision = whole["version"]
        item = copy.as_item(
            uri,
            modified_seconds(revision.get("createdAt", "")),
            version=str(revision["number"]),
            owner=revision.get("authorId") or whole.get("authorId"),
            access=access,
            media_type="text/html",
            meta={"title": whole["title"]},
        )
        return state.remember(item)

    def _attachments(
        self, state: SourceState, page: str, identity: str, access: tuple[str, ...], skipped: dict[str, str]
    ) -> Iterator[SourceItem]:
        for found in self._all(f"/api/v2/pages/{identity}/attachments"):
            uri = f"{page}/{found['title']}"
            version = str(found["version"]["number"])
            known = state.known(uri)
            if known is not None and known.item.version == version:
                yield _again(state, known.item, access)
                continue
            try:
                with self._api.bytes(found["downloadLink"]) as answer:
                    copy = state.keep(answer.chunks)
            except InputError as error:
                skipped[uri] = f"{error.what}: {error.why}"
                continue
            modified = modified_seconds(found["version"].get("createdAt", ""))
            owner = found["version"].get("authorId")
            yield state.remember(copy.as_item(uri, modified, version=version, owner=owner, access=access))


class _Viewers:
    """Who may see each page. A page below a restricted one is restricted too: the nearest on the way up is named."""

    def __init__(self, api: JsonApi, pages: Mapping[str, Mapping[str, Any]], is_asked: bool) -> None:
        self._api = api
        self._pages = pages
        self._is_asked = is_asked
        self._own: dict[str, tuple[str, ...]] = {}

    def of(self, page: str) -> tuple[str, ...]:
        """Return the names; none when everybody who sees the space sees the page."""
        seen: set[str] = set()
        while self._is_asked and page in self._pages and page not in seen:
            seen.add(page)
            if page not in self._own:
                self._own[page] = self._asked(page)
            if self._own[page]:
                return self._own[page]
            page = self._pages[page].get("parentId") or ""
        return ()

    def _asked(self, page: str) -> tuple[str, ...]:
        answer = self._api.get(f"/rest/api/content/{page}/restriction/byOperation/read")
        found = answer.get("restrictions", {})
        users = (f"user:{user['accountId']}" for user in found.get("user", {}).get("results", []))
        groups = (f"group:{group['name']}" for group in found.get("group", {}).get("results", []))
        return tuple(sorted([*users, *groups]))


def _again(state: SourceState, item: SourceItem, access: tuple[str, ...]) -> SourceItem:
    """Return a known item with the access list of today."""
    if item.access == access:
        return item
    return state.remember(replace(item, access=access))


def _authorization(config: Config) -> str:
    if not config.credential:
        return ""
    token = read_secret(config.credential, "credential").reveal()
    if not config.user:
        return f"Bearer {token}"
    return f"Basic {base64.b64encode(f'{config.user}:{token}'.encode()).decode()}"
