"""Pages of a Notion workspace, over its API. Never run against the real service.

It was written from Notion's published description (version 2022-06-28) and is tested against a server written from the
same. A snapshot asks for all pages that were shared with the integration and reads the blocks of those that were edited
since. Notion tells the time of an edit to the minute, so a page that was read within two minutes of its last edit is
read once more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.errors import InputError
from ingot.core.fetch import Network
from ingot.core.secrets import read_secret
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.json_api import JsonApi, as_described
from ingot.data.notion_markdown import page_markdown, page_title
from ingot.data.rights import Rights
from ingot.data.row_text import modified_seconds
from ingot.flow.source import Snapshot, SourceItem

_VERSION = "2022-06-28"
_AT_ONCE = 100
_SETTLING_SECONDS = 120.0
_MOST_BLOCKS = 20_000


@dataclass(frozen=True)
class Config:
    """Which workspace: the one whose internal integration has the secret that `credential` names.

    Notion does not tell who may see a page, so `rights.access` should.
    """

    credential: str
    url: str = "https://api.notion.com"
    network: Network = field(default_factory=Network)
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the pages that were shared with the integration. `cache` holds copies and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        token = read_secret(config.credential, "credential").reveal()
        headers = {"Notion-Version": _VERSION}
        self._api = JsonApi(config.url, config.network, authorization=f"Bearer {token}", headers=headers)
        self._state = SourceState(cache, "notion", [config.url, config.credential])

    def snapshot(self) -> Snapshot:
        """List every page; only those that were edited since the last time are read."""
        items: list[SourceItem] = []
        skipped: dict[str, str] = {}
        with self._state as state, as_described(self._api.url):
            for page in self._pages():
                uri = page["id"].replace("-", "")
                try:
                    items.append(self._item(state, uri, page))
                except InputError as error:
                    skipped[uri] = f"{error.what}: {error.why}"
            return state.finish(items, skipped.items(), self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a page."""
        return open_copy(item)

    def _pages(self) -> Iterator[Mapping[str, Any]]:
        asked: dict[str, Any] = {"filter": {"property": "object", "value": "page"}, "page_size": _AT_ONCE}
        while True:
            answer = self._api.post("/v1/search", asked)
            for page in answer["results"]:
                if page["object"] == "page" and not (page.get("archived") or page.get("in_trash")):
                    yield page
            if not answer.get("has_more"):
                return
            asked["start_cursor"] = answer["next_cursor"]

    def _item(self, state: SourceState, uri: str, page: Mapping[str, Any]) -> SourceItem:
        version = str(page["last_edited_time"])
        edited = modified_seconds(version)
        known = state.known(uri)
        is_settled = known is not None and float(known.notes.get("read", 0)) >= edited + _SETTLING_SECONDS
        if known is not None and known.item.version == version and is_settled:
            return known.item
        read = time.time()
        title = page_title(page["properties"])
        left = [_MOST_BLOCKS]
        text = page_markdown(
            title, page["properties"], self._blocks(page["id"], left), lambda block: self._inner(block, left)
        )
        item = state.pack(text.encode("utf-8", "replace")).as_item(
            uri,
            edited,
            version=version,
            owner=page.get("last_edited_by", {}).get("id"),
            media_type="text/markdown",
            meta={"title": title, "url": page.get("url") or ""},
        )
        return state.remember(item, read=str(read))

    def _inner(self, block: Mapping[str, Any], left: list[int]) -> list[Mapping[str, Any]]:
        return self._blocks(block["id"], left)

    def _blocks(self, identity: str, left: list[int]) -> list[Mapping[str, Any]]:
        """Return the blocks below a page or a block. Raises InputError when a page has more than can be meant."""
        found: list[Mapping[str, Any]] = []
        parameters: dict[str, Any] = {"page_size": _AT_ONCE}
        while True:
            answer = self._api.get(f"/v1/blocks/{identity}/children", parameters)
            found += answer["results"]
            left[0] -= len(answer["results"])
            if left[0] < 0:
                raise InputError("the page is too large", why=f"it has more than {_MOST_BLOCKS} blocks")
            if not answer.get("has_more"):
                return found
            parameters["start_cursor"] = answer["next_cursor"]
