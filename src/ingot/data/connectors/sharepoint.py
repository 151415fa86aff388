"""Document libraries of SharePoint Online, over Microsoft Graph. Never run against the real service.

It was written from Microsoft's published description (v1.0) and is tested against a server written from the same. The
first snapshot lists the whole library, later ones ask for what changed since (a delta link); of these only files with
another content tag are read. Who may see a file is asked for when the delta names it, or a folder above it whose
sharing changed, which it does with the preference `deltashowsharingchanges`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.errors import InputError, UsageError
from ingot.core.fetch import Network
from ingot.core.secrets import read_secret
from ingot.core.storage import as_size
from ingot.data.byte_cache import open_copy
from ingot.data.connector_state import SourceState
from ingot.data.json_api import JsonApi, StatusError, as_described
from ingot.data.rights import Rights
from ingot.data.row_text import modified_seconds
from ingot.flow.source import Snapshot, SourceItem

_PREFER = {"Prefer": "deltashowsharingchanges, hierarchicalsharing"}
_SCOPE = "https://graph.microsoft.com/.default"
_SHARING = "@microsoft.graph.sharedChanged"
_ROOT = "root"
_EXPIRED = 410


@dataclass(frozen=True)
class Config:
    """Which library of which site: `site` is acme.sharepoint.com:/sites/HR, `library` its name (empty: the usual one).

    The application `client_id` of the `tenant` needs the right Sites.Read.All (to be told of sharing changes:
    Sites.FullControl.All); `credential` names its secret. `graph` and `login` are for national clouds.
    """

    site: str
    tenant: str
    client_id: str
    credential: str
    library: str = ""
    permissions: bool = True
    graph: str = "https://graph.microsoft.com/v1.0"
    login: str = "https://login.microsoftonline.com"
    network: Network = field(default_factory=Network)
    rights: Rights = field(default_factory=Rights)


@dataclass
class _Library:
    """What a library holds, by id: folders and files as the deltas told it, and the link to the next delta."""

    link: str = ""
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    def path(self, identity: str) -> str:
        """Return the path of an entry below the root, following its folders."""
        names: list[str] = []
        while (entry := self.entries.get(identity)) and not entry["is_root"] and len(names) < 100:
            names.insert(0, entry["name"])
            identity = entry["parent"]
        return "/".join(names)

    def is_within(self, identity: str, chosen: Set[str]) -> bool:
        """Say whether an entry, or a folder above it, is one of the chosen."""
        for _ in range(100):
            if identity in chosen:
                return True
            if identity not in self.entries:
                return False
            identity = self.entries[identity]["parent"]
        return False


class Connector:
    """Reads the files of a library. `cache` holds copies of them, the library's tree and what is known of them."""

    def __init__(self, config: Config, cache: Path | None = None) -> None:
        host = config.site.partition(":")[0]
        if not re.fullmatch(r"[\w.-]+\.[\w.-]+(?::/.*)?", config.site):
            raise UsageError("the site is not named", where="site", fix="write it like acme.sharepoint.com:/sites/HR")
        self._config = config
        self._secret = read_secret(config.credential, "credential")
        self._api = JsonApi(config.graph, config.network, hosts=(host,))
        self._token_ends = 0.0
        self._state = SourceState(cache, "sharepoint", [config.graph, config.site, config.library])

    def snapshot(self) -> Snapshot:
        """List every file; only those with another content than last time are read."""
        skipped: dict[str, str] = {}
        with self._state as state, as_described(self._api.url):
            self._renew_token()
            drive = self._drive()
            library, named, shared = self._changed(drive, _read_library(state.stamp(drive)))
            items: list[SourceItem] = []
            for identity, entry in sorted(library.entries.items()):
                if entry["is_file"]:
                    uri = library.path(identity)
                    is_named = identity in named or library.is_within(identity, shared)
                    try:
                        self._renew_token()
                        items.append(self._item(state, drive, identity, uri, entry, is_named))
                    except InputError as error:
                        skipped[uri] = f"{error.what}: {error.why}"
                        entry["tag"] = ""  # the next delta may not name it again
            state.remember_part(drive, json.dumps([library.link, library.entries]), [])
            return state.finish(items, skipped.items(), self._config.rights)

    @staticmethod
    def open(item: SourceItem) -> BinaryIO:
        """Open the copy of a file."""
        return open_copy(item)

    def _renew_token(self) -> None:
        """Ask for a token of the application when there is none, or its time is nearly over (RFC 6749 section 4.4)."""
        if time.monotonic() < self._token_ends:
            return
        login = JsonApi(self._config.login, self._config.network)
        fields = {
            "grant_type": "client_credentials",
            "client_id": self._config.client_id,
            "client_secret": self._secret.reveal(),
            "scope": _SCOPE,
        }
        answer = login.post_form(f"/{self._config.tenant}/oauth2/v2.0/token", fields)
        self._api.authorization = f"Bearer {answer['access_token']}"
        self._token_ends = time.monotonic() + 0.8 * float(answer.get("expires_in", 3600))

    def _drive(self) -> str:
        site = self._api.get(f"/sites/{self._config.site}")["id"]
        if not self._config.library:
            return str(self._api.get(f"/sites/{site}/drive")["id"])
        drives = {drive["name"]: drive["id"] for drive in self._api.get(f"/sites/{site}/drives")["value"]}
        if self._config.library not in drives:
            fix = f"choose one of: {', '.join(sorted(drives))}"
            raise InputError(f"the site has no library {self._config.library!r}", where=self._config.site, fix=fix)
        return str(drives[self._config.library])

    def _changed(self, drive: str, library: _Library) -> tuple[_Library, set[str], set[str]]:
        """Return the library as it is now, the ids the delta named, and those of them whose sharing changed."""
        start = f"/drives/{drive}/{_ROOT}/delta"
        try:
            return self._follow(library.link or start, library)
        except StatusError as error:
            if error.status != _EXPIRED:
                raise
            return self._follow(start, _Library())  # the link is too old: everything is listed again

    def _follow(self, link: str, library: _Library) -> tuple[_Library, set[str], set[str]]:
        entries = dict(library.entries)
        named: set[str] = set()
        shared: set[str] = set()
        while True:
            answer = self._api.get(link, headers=_PREFER)
            for found in answer["value"]:
                named.add(found["id"])
                if str(found.get(_SHARING)).lower() == "true":
                    shared.add(found["id"])
                if "deleted" in found:
                    entries.pop(found["id"], None)
                else:
                    entries[found["id"]] = _entry(found)
            if "@odata.deltaLink" in answer:
                return _Library(answer["@odata.deltaLink"], entries), named, shared
            link = answer["@odata.nextLink"]

    def _item(
        self, state: SourceState, drive: str, identity: str, uri: str, entry: Mapping[str, Any], is_named: bool
    ) -> SourceItem:
        known = state.known(uri)
        is_same = known is not None and known.notes == {"id": identity, "tag": entry["tag"]} and entry["tag"] != ""
        if known is not None and is_same and not is_named:
            return known.item
        access = self._access(drive, identity) if self._config.permissions else ()
        described = {"version": entry["version"], "owner": entry["owner"], "access": access}
        if known is not None and is_same:
            item = replace(known.item, modified=entry["modified"], **described)
        else:
            if entry["size"] > self._config.network.most_bytes:
                raise InputError("it is too large", why=f"larger than {as_size(self._config.network.most_bytes)}")
            with self._api.bytes(f"/drives/{drive}/items/{identity}/content") as answer:
                item = state.keep(answer.chunks).as_item(uri, entry["modified"], **described)
        return state.remember(item, id=identity, tag=entry["tag"] or "read")

    def _access(self, drive: str, identity: str) -> tuple[str, ...]:
        names: set[str] = set()
        link: str | None = f"/drives/{drive}/items/{identity}/permissions"
        while link:
            answer = self._api.get(link)
            for permission in answer["value"]:
                names |= set(_names(permission))
            link = answer.get("@odata.nextLink")
        return tuple(sorted(names))


def _read_library(stamp: str) -> _Library:
    link, entries = json.loads(stamp) if stamp else ("", {})
    return _Library(link, entries)


def _entry(found: Mapping[str, Any]) -> dict[str, Any]:
    person = found.get("lastModifiedBy", {}).get("user", {})
    return {
        "name": found.get("name", ""),
        "parent": found.get("parentReference", {}).get("id", ""),
        "is_root": "root" in found,
        "is_file": "file" in found,
        "tag": found.get("cTag", ""),
        "version": found.get("eTag", "").strip('"') or None,
        "size": found.get("size", 0),
        "modified": modified_seconds(found.get("lastModifiedDateTime", "")),
        "owner": person.get("displayName"),
    }


def _names(permission: Mapping[str, Any]) -> Iterator[str]:
    """Yield who a permission is for: people, groups, or everybody a sharing link reaches."""
    granted = [permission.get("grantedToV2") or {}, *permission.get("grantedToIdentitiesV2", [])]
    for identities in granted:
        for kind in ("user", "siteUser", "group", "siteGroup"):
            if kind in identities:
                named = identities[kind]
                yield f"{'group' if 'roup' in kind else 'user'}:{named.get('email') or named.get('displayName')}"
                break
    scope = permission.get("link", {}).get("scope", "")
    if scope in ("anonymous", "organization"):
        yield f"everybody:{scope}"
