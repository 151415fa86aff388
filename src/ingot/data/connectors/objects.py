"""Buckets of Amazon S3 and stores that speak its protocol, of Google Cloud Storage and of Azure, through obstore.

A snapshot lists names with their etags and fetches the objects that are new or changed.
"""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.fetch import Network
from ingot.core.storage import as_size
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.object_store import Address, ObjectStore, said
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem

_AT_ONCE = 8
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Config:
    """Which objects to read: `url` is s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.

    `credentials` maps access_key_id, secret_access_key and token (S3), service_account_key or token (Google), or
    access_key, sas_token or token (Azure, with `account`) to env:NAME or file:PATH; without any the requests are
    anonymous. `endpoint` is for stores of your own, which on a private network need `network.networks` as well.
    `include` and `exclude` are patterns of names.
    """

    url: str
    endpoint: str = ""
    region: str = ""
    account: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    network: Network = field(default_factory=Network)
    rights: Rights = field(default_factory=Rights)


class Connector:
    """Reads the objects below `config.url`. `cache` holds copies of them and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        where = (config.url, config.endpoint, config.region, config.account)
        self._store = ObjectStore(Address(*where, config.credentials, config.network))
        self._state = SourceState(cache, "objects", [config.url, self._store.place.endpoint, config.account])

    def snapshot(self) -> Snapshot:
        """List every object; only those with another etag than last time are fetched."""
        with self._state as state, self._store.opened():
            items: list[SourceItem] = []
            skipped: list[tuple[str, str]] = []
            changed: list[Mapping[str, Any]] = []
            with self._store.in_words("listed"):
                listed = [each for each in self._store.list() if self._is_wanted(each["path"])]
            for found in listed:
                known = state.known(found["path"])
                if known is not None and known.item.version == _version(found):
                    items.append(known.item)
                elif found["size"] > self._config.network.most_bytes:
                    skipped.append((found["path"], f"it is larger than {as_size(self._config.network.most_bytes)}"))
                else:
                    changed.append(found)
            for meta, outcome in zip(changed, self._fetched(state, changed), strict=True):
                if isinstance(outcome, SourceItem):
                    items.append(outcome)
                elif outcome:
                    skipped.append((meta["path"], outcome))
            return state.finish(items, skipped, self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of an object."""
        return open_copy(item)

    def _is_wanted(self, path: str) -> bool:
        def matches(patterns: tuple[str, ...]) -> bool:
            return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)

        return matches(self._config.include) and not matches(self._config.exclude)

    def _fetched(self, state: SourceState, changed: list[Mapping[str, Any]]) -> Iterator[SourceItem | str | None]:
        def fetch(found: Mapping[str, Any]) -> SourceItem | str | None:
            return self._item(state, found["path"])

        with ThreadPoolExecutor(_AT_ONCE) as pool, contextlib.ExitStack() as stack:
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            yield from pool.map(fetch, changed)

    def _item(self, state: SourceState, path: str) -> SourceItem | str | None:
        """Fetch one object; return its item, why there is none, or None when it is gone since it was listed."""
        try:
            got = self._store.get(path)
            content = map(bytes, got.stream(_CHUNK_BYTES))
            copy = state.keep(content)
        except FileNotFoundError:
            return None
        except self._store.refusals as error:
            return said(error)
        media_type = str(got.attributes.get("Content-Type", "")).partition(";")[0].strip()
        item = copy.as_item(
            path,
            got.meta["last_modified"].timestamp(),
            version=_version(got.meta),
            region=self._config.region or None,
            media_type=None if "." in path.rpartition("/")[2] else media_type or None,
        )
        return state.remember(item)


def _version(found: Mapping[str, Any]) -> str:
    named = found["version"] or found["e_tag"]
    return str(named).strip('"') if named else f"{found['size']}-{found['last_modified'].isoformat()}"
