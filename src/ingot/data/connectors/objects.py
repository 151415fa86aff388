"""Buckets of Amazon S3 and stores that speak its protocol, of Google Cloud Storage and of Azure, through obstore.

A snapshot lists names with their etags and fetches the objects that are new or changed. obstore (the Rust library
object_store) was chosen over fsspec: one dependency without others for three clouds, typed, and a list of 100,000
names or eight downloads at once need no event loop. It opens its own connections, so it is given core/guarded_proxy:
each of them is named, checked and pinned there. Nothing is taken from AWS_... variables or from a machine's own role.
"""

from __future__ import annotations

import contextlib
import fnmatch
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ingot.core.addresses import read_url
from ingot.core.errors import InputError, MissingExtraError, UsageError, suggest
from ingot.core.fetch import Network
from ingot.core.guarded_proxy import GuardedProxy
from ingot.core.secrets import read_secret
from ingot.core.storage import as_size
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, SourceItem

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

_AT_ONCE = 8
_CHUNK_BYTES = 1 << 20
_LISTED_AT_ONCE = 1000
_QUERY = re.compile(r"\?[^\s\"'>]*")
# The options that a provider takes as credentials.
_CREDENTIALS = {
    "s3": ("access_key_id", "secret_access_key", "token"),
    "gs": ("service_account_key", "token"),
    "az": ("access_key", "sas_token", "token"),
}


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


@dataclass(frozen=True)
class _Place:
    """A bucket, read from the config."""

    kind: str
    bucket: str
    prefix: str
    endpoint: str


class Connector:
    """Reads the objects below `config.url`. `cache` holds copies of them and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        self._config = config
        self._place = _place(config)
        self._credentials = _credentials(config, self._place.kind)
        self._state = SourceState(cache, "objects", [config.url, self._place.endpoint, config.account])
        _library()

    def snapshot(self) -> Snapshot:
        """List every object; only those with another etag than last time are fetched."""
        with self._state as state, self._guarded() as proxy:
            items: list[SourceItem] = []
            skipped: list[tuple[str, str]] = []
            changed: list[ObjectMeta] = []
            with self._in_words(proxy):
                store = self._store(proxy.url)
                listed = list(self._listed(store))
            for found in listed:
                known = state.known(found["path"])
                if known is not None and known.item.version == _version(found):
                    items.append(known.item)
                elif found["size"] > self._config.network.most_bytes:
                    skipped.append((found["path"], f"it is larger than {as_size(self._config.network.most_bytes)}"))
                else:
                    changed.append(found)
            for meta, outcome in zip(changed, self._fetched(store, state, changed), strict=True):
                if isinstance(outcome, SourceItem):
                    items.append(outcome)
                elif outcome:
                    skipped.append((meta["path"], outcome))
            return state.finish(items, skipped, self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of an object."""
        return open_copy(item)

    def _guarded(self) -> GuardedProxy:
        own = [read_url(self._place.endpoint).authority]
        if self._place.kind == "gs" and "service_account_key" in self._credentials:
            own.append("oauth2.googleapis.com")
        return GuardedProxy(replace(self._config.network, hosts=(*self._config.network.hosts, *own)))

    def _listed(self, store: ObjectStore) -> Iterator[ObjectMeta]:
        for chunk in _library().list(store, self._place.prefix or None, chunk_size=_LISTED_AT_ONCE):
            yield from (found for found in chunk if self._is_wanted(found["path"]))

    @contextlib.contextmanager
    def _in_words(self, proxy: GuardedProxy) -> Iterator[None]:
        import obstore.exceptions

        try:
            yield
        except (obstore.exceptions.BaseError, OSError) as error:
            if proxy.refused:  # it knows better what went wrong
                raise proxy.refused[0] from None
            raise InputError(
                "the store cannot be listed",
                where=self._config.url,
                why=_said(error),
                fix="check url, endpoint, region and credentials, and that they may list",
            ) from None

    def _is_wanted(self, path: str) -> bool:
        def matches(patterns: tuple[str, ...]) -> bool:
            return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)

        return matches(self._config.include) and not matches(self._config.exclude)

    def _fetched(
        self, store: ObjectStore, state: SourceState, changed: list[ObjectMeta]
    ) -> Iterator[SourceItem | str | None]:
        def fetch(found: ObjectMeta) -> SourceItem | str | None:
            return self._item(store, state, found["path"])

        with ThreadPoolExecutor(_AT_ONCE) as pool, contextlib.ExitStack() as stack:
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            yield from pool.map(fetch, changed)

    def _item(self, store: ObjectStore, state: SourceState, path: str) -> SourceItem | str | None:
        """Fetch one object; return its item, why there is none, or None when it is gone since it was listed."""
        import obstore.exceptions

        try:
            got = _library().get(store, path)
            content = map(bytes, got.stream(_CHUNK_BYTES))
            copy = state.keep(content)
        except FileNotFoundError:
            return None
        except (obstore.exceptions.BaseError, PermissionError) as error:
            return _said(error)
        media_type = str(got.attributes.get("Content-Type", "")).partition(";")[0].strip()
        item = copy.as_item(
            path,
            got.meta["last_modified"].timestamp(),
            version=_version(got.meta),
            region=self._config.region or None,
            media_type=None if "." in path.rpartition("/")[2] else media_type or None,
        )
        return state.remember(item)

    def _store(self, proxy_url: str) -> ObjectStore:
        client = {
            "proxy_url": proxy_url,
            "allow_http": self._place.endpoint.startswith("http://"),
            "allow_invalid_certificates": False,
            "timeout": timedelta(seconds=self._config.network.total_seconds),
            "connect_timeout": timedelta(seconds=self._config.network.timeout_seconds),
        }
        if self._config.network.certificates:
            client["root_certificate"] = Path(self._config.network.certificates).read_bytes()
        retries = {"max_retries": self._config.network.tries - 1, "retry_timeout": timedelta(seconds=60)}
        options = {"client_options": client, "retry_config": retries}
        return _STORES[self._place.kind](self._config, self._place, self._credentials, options)


def _place(config: Config) -> _Place:
    kind, separator, rest = config.url.partition("://")
    bucket, _, prefix = rest.partition("/")
    if not separator or kind not in _CREDENTIALS or not bucket or "@" in bucket:
        fix = "write it like s3://bucket/folder, gs://bucket/folder or az://container/folder"
        raise UsageError(f"{config.url.rpartition('@')[2]!r} is not the address of a bucket", where="url", fix=fix)
    if kind == "az" and not config.account:
        raise UsageError("the account of the container is missing", where="account", fix="give its name")
    if kind == "s3" and not (config.region or config.endpoint):
        raise UsageError("the region of the bucket is missing", where="region", fix="give one, such as eu-central-1")
    usual = {
        "s3": f"https://s3.{config.region}.amazonaws.com",
        "gs": "https://storage.googleapis.com",
        "az": f"https://{config.account}.blob.core.windows.net",
    }
    return _Place(kind, bucket, prefix.strip("/"), config.endpoint.rstrip("/") or usual[kind])


def _credentials(config: Config, kind: str) -> dict[str, str]:
    for name in config.credentials:
        if name not in _CREDENTIALS[kind]:
            raise UsageError(f"unknown credential {name!r}", where="credentials", fix=suggest(name, _CREDENTIALS[kind]))
    return {
        name: read_secret(reference, f"credentials.{name}").reveal() for name, reference in config.credentials.items()
    }


def _s3(config: Config, place: _Place, credentials: Mapping[str, str], options: dict[str, Any]) -> ObjectStore:
    from obstore.store import S3Store

    settings: Any = {
        "endpoint": place.endpoint,
        "region": config.region or "us-east-1",
        "virtual_hosted_style_request": False,
        "request_payer": False,
    }
    if not credentials:
        settings["skip_signature"] = True
        return S3Store(place.bucket, config=settings, **options)
    # A provider of our own, because beside plain settings a session token of the environment would be sent along.
    given: Any = {"token": None, **credentials, "expires_at": None}
    return S3Store(place.bucket, config=settings, credential_provider=lambda: given, **options)


def _gs(config: Config, place: _Place, credentials: Mapping[str, str], options: dict[str, Any]) -> ObjectStore:
    from obstore.store import GCSStore

    settings: Any = {"base_url": place.endpoint} if config.endpoint else {}
    if "token" in credentials:
        given: Any = {"token": credentials["token"], "expires_at": None}
        return GCSStore(place.bucket, config=settings, credential_provider=lambda: given, **options)
    settings.update(credentials)
    if not credentials:
        settings["skip_signature"] = True
    return GCSStore(place.bucket, config=settings, **options)


def _az(config: Config, place: _Place, credentials: Mapping[str, str], options: dict[str, Any]) -> ObjectStore:
    from obstore.store import AzureStore

    settings: Any = {"account_name": config.account, "endpoint": place.endpoint}
    if not credentials:
        settings["skip_signature"] = True
        return AzureStore(place.bucket, config=settings, **options)
    given: Any = {**credentials, "expires_at": None}
    if "sas_token" in credentials:
        given["sas_token"] = urllib.parse.parse_qsl(credentials["sas_token"].lstrip("?"))
    return AzureStore(place.bucket, config=settings, credential_provider=lambda: given, **options)


_STORES: dict[str, Callable[[Config, _Place, Mapping[str, str], dict[str, Any]], ObjectStore]] = {
    "s3": _s3,
    "gs": _gs,
    "az": _az,
}


def _version(found: ObjectMeta) -> str:
    named = found["version"] or found["e_tag"]
    return named.strip('"') if named else f"{found['size']}-{found['last_modified'].isoformat()}"


def _said(error: Exception) -> str:
    """Return the first line of what the library said, without queries, where keys may travel."""
    return _QUERY.sub("", str(error).strip().partition("\n")[0])[:300]


def _library() -> Any:
    try:
        import obstore
    except ModuleNotFoundError:
        raise MissingExtraError("the connector for object stores", "objects") from None
    return obstore
