"""Buckets of Amazon S3 and stores that speak its protocol, of Google Cloud Storage and of Azure, through obstore.

For the connector that reads documents from them, and for a training that keeps checkpoints there. obstore (the Rust
library object_store) was chosen over fsspec: one dependency without others for three clouds, typed, and a list of
100,000 names or eight downloads at once need no event loop. It opens its own connections, so it is given
core/guarded_proxy: each of them is named, checked and pinned there. Nothing is taken from AWS_... variables or from a
machine's own role.
"""

from __future__ import annotations

import contextlib
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingot.core.addresses import read_url
from ingot.core.errors import InputError, MissingExtraError, UsageError, suggest
from ingot.core.fetch import Network
from ingot.core.guarded_proxy import GuardedProxy
from ingot.core.secrets import read_secret

if TYPE_CHECKING:
    from obstore import GetResult

_LISTED_AT_ONCE = 1000
_PART_BYTES = 32 << 20  # of a large object that is written or read; ten thousand parts are the most a store takes
_QUERY = re.compile(r"\?[^\s\"'>]*")
# The options that a provider takes as credentials.
_CREDENTIALS = {
    "s3": ("access_key_id", "secret_access_key", "token"),
    "gs": ("service_account_key", "token"),
    "az": ("access_key", "sas_token", "token"),
}


@dataclass(frozen=True)
class Address:
    """Which store, and as whom: `url` is s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.

    `credentials` maps access_key_id, secret_access_key and token (S3), service_account_key or token (Google), or
    access_key, sas_token or token (Azure, with `account`) to env:NAME or file:PATH; without any the requests are
    anonymous. `endpoint` is for stores of your own, which on a private network need `network.networks` as well.
    """

    url: str
    endpoint: str = ""
    region: str = ""
    account: str = ""
    credentials: Mapping[str, str] = field(default_factory=dict)
    network: Network = field(default_factory=Network)


@dataclass(frozen=True)
class Place:
    """A bucket, read from an address."""

    kind: str
    bucket: str
    prefix: str
    endpoint: str


class ObjectStore:
    """A store that can be asked inside :meth:`opened`. Raises UsageError for an address that is none."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.place = _place(address)
        self._credentials = _credentials(address, self.place.kind)
        self._store: Any = None
        self._proxy: GuardedProxy | None = None
        self._library = _library()

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Connect for as long as the block lasts."""
        with self._guarded() as proxy:
            self._proxy = proxy
            with self.in_words("reached"):
                self._store = self._connected(proxy.url)
            try:
                yield
            finally:
                self._store = self._proxy = None

    @contextlib.contextmanager
    def in_words(self, asked: str) -> Iterator[None]:
        """Turn what the store or the guard refuses into an InputError: it cannot be listed, read, written."""
        failures: tuple[type[Exception], ...] = (OSError, *self.refusals)
        try:
            yield
        except failures as error:
            if self._proxy is not None and self._proxy.refused:  # it knows better what went wrong
                raise self._proxy.refused[0] from None
            raise InputError(
                f"the store cannot be {asked}",
                where=self.address.url,
                why=said(error),
                fix="check url, endpoint, region and credentials, and what they allow",
            ) from None

    @property
    def refusals(self) -> tuple[type[Exception], ...]:
        """What is raised when the store does not give what it is asked for."""
        import obstore.exceptions

        return (obstore.exceptions.BaseError, PermissionError)

    def list(self, prefix: str = "") -> Iterator[Mapping[str, Any]]:
        """Yield what is known of the objects below a prefix, below that of the address."""
        for chunk in self._library.list(self._store, self.key(prefix) or None, chunk_size=_LISTED_AT_ONCE):
            yield from chunk

    def get(self, path: str) -> GetResult:
        """Ask for an object by its whole name. Raises FileNotFoundError when it is gone."""
        got: GetResult = self._library.get(self._store, path)
        return got

    def put(self, name: str, content: Path | bytes) -> None:
        """Write an object below the address's prefix; a large file in parts, of which none is seen before the last."""
        self._library.put(self._store, self.key(name), content, chunk_size=_PART_BYTES)

    def read(self, name: str, size: int) -> Iterator[bytes]:
        """Yield the bytes of an object below the address's prefix, in parts, each of which is asked for apart."""
        for start in range(0, size, _PART_BYTES):
            length = min(_PART_BYTES, size - start)
            yield bytes(self._library.get_range(self._store, self.key(name), start=start, length=length))

    def delete(self, names: Sequence[str]) -> None:
        """Remove objects below the address's prefix, one after another."""
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                self._library.delete(self._store, self.key(name))

    def name_of(self, path: str) -> str:
        """Return the name below the address's prefix of a listed object."""
        return path.removeprefix(f"{self.place.prefix}/") if self.place.prefix else path

    def key(self, name: str) -> str:
        """Return the whole name of an object below the address's prefix."""
        return "/".join(filter(None, (self.place.prefix, name)))

    def _guarded(self) -> GuardedProxy:
        own = [read_url(self.place.endpoint).authority]
        if self.place.kind == "gs" and "service_account_key" in self._credentials:
            own.append("oauth2.googleapis.com")
        return GuardedProxy(replace(self.address.network, hosts=(*self.address.network.hosts, *own)))

    def _connected(self, proxy_url: str) -> Any:
        network = self.address.network
        client = {
            "proxy_url": proxy_url,
            "allow_http": self.place.endpoint.startswith("http://"),
            "allow_invalid_certificates": False,
            "timeout": timedelta(seconds=network.total_seconds),
            "connect_timeout": timedelta(seconds=network.timeout_seconds),
        }
        if network.certificates:
            client["root_certificate"] = Path(network.certificates).read_bytes()
        retries = {"max_retries": network.tries - 1, "retry_timeout": timedelta(seconds=60)}
        options = {"client_options": client, "retry_config": retries}
        return _STORES[self.place.kind](self.address, self.place, self._credentials, options)


def said(error: Exception) -> str:
    """Return the first line of what the library said, without queries, where keys may travel."""
    return _QUERY.sub("", str(error).strip().partition("\n")[0])[:300]


def _place(address: Address) -> Place:
    kind, separator, rest = address.url.partition("://")
    bucket, _, prefix = rest.partition("/")
    if not separator or kind not in _CREDENTIALS or not bucket or "@" in bucket:
        fix = "write it like s3://bucket/folder, gs://bucket/folder or az://container/folder"
        raise UsageError(f"{address.url.rpartition('@')[2]!r} is not the address of a bucket", where="url", fix=fix)
    if kind == "az" and not address.account:
        raise UsageError("the account of the container is missing", where="account", fix="give its name")
    if kind == "s3" and not (address.region or address.endpoint):
        raise UsageError("the region of the bucket is missing", where="region", fix="give one, such as eu-central-1")
    usual = {
        "s3": f"https://s3.{address.region}.amazonaws.com",
        "gs": "https://storage.googleapis.com",
        "az": f"https://{address.account}.blob.core.windows.net",
    }
    return Place(kind, bucket, prefix.strip("/"), address.endpoint.rstrip("/") or usual[kind])


def _credentials(address: Address, kind: str) -> dict[str, str]:
    for name in address.credentials:
        if name not in _CREDENTIALS[kind]:
            raise UsageError(f"unknown credential {name!r}", where="credentials", fix=suggest(name, _CREDENTIALS[kind]))
    return {
        name: read_secret(reference, f"credentials.{name}").reveal() for name, reference in address.credentials.items()
    }


def _s3(address: Address, place: Place, credentials: Mapping[str, str], options: dict[str, Any]) -> Any:
    from obstore.store import S3Store

    settings: Any = {
        "endpoint": place.endpoint,
        "region": address.region or "us-east-1",
        "virtual_hosted_style_request": False,
        "request_payer": False,
    }
    if not credentials:
        settings["skip_signature"] = True
        return S3Store(place.bucket, config=settings, **options)
    # A provider of our own, because beside plain settings a session token of the environment would be sent along.
    given: Any = {"token": None, **credentials, "expires_at": None}
    return S3Store(place.bucket, config=settings, credential_provider=lambda: given, **options)


def _gs(address: Address, place: Place, credentials: Mapping[str, str], options: dict[str, Any]) -> Any:
    from obstore.store import GCSStore

    settings: Any = {"base_url": place.endpoint} if address.endpoint else {}
    if "token" in credentials:
        given: Any = {"token": credentials["token"], "expires_at": None}
        return GCSStore(place.bucket, config=settings, credential_provider=lambda: given, **options)
    settings.update(credentials)
    if not credentials:
        settings["skip_signature"] = True
    return GCSStore(place.bucket, config=settings, **options)


def _az(address: Address, place: Place, credentials: Mapping[str, str], options: dict[str, Any]) -> Any:
    from obstore.store import AzureStore

    settings: Any = {"account_name": address.account, "endpoint": place.endpoint}
    if not credentials:
        settings["skip_signature"] = True
        return AzureStore(place.bucket, config=settings, **options)
    given: Any = {**credentials, "expires_at": None}
    if "sas_token" in credentials:
        given["sas_token"] = urllib.parse.parse_qsl(credentials["sas_token"].lstrip("?"))
    return AzureStore(place.bucket, config=settings, credential_provider=lambda: given, **options)


_STORES: dict[str, Callable[[Address, Place, Mapping[str, str], dict[str, Any]], Any]] = {
    "s3": _s3,
    "gs": _gs,
    "az": _az,
}


def _library() -> Any:
    try:
        import obstore
    except ModuleNotFoundError:
        raise MissingExtraError("reading and writing object stores", "objects") from None
    return obstore
