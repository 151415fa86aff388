"""A document library as Microsoft Graph's description (v1.0, with delta queries) has it, on loopback."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.data.connectors.web_server import Asked, Reply

_AT_ONCE = 2  # so that answers come in pages


class GraphSite:
    """A library `d1` of the site acme.sharepoint.com:/sites/HR; every change gets a number that deltas count by."""

    def __init__(self) -> None:
        self.url = ""
        self.storage = ""
        self.tokens = 0
        self.lost_links = False
        self.entries: dict[str, dict[str, Any]] = {}
        self.permissions: dict[str, list[dict[str, Any]]] = {}
        self._changes: list[tuple[str, bool]] = []
        self._put("root", {"name": "root", "root": {}, "folder": {}}, "")

    def folder(self, identity: str, name: str, parent: str = "root") -> None:
        self._put(identity, {"name": name, "folder": {"childCount": 1}}, parent)

    def file(self, identity: str, name: str, text: str, parent: str = "root") -> None:
        tag = self.entries.get(identity, {}).get("_count", 0) + 1
        content = {"file": {"mimeType": "text/plain"}, "size": len(text), "_text": text, "_count": tag}
        people = {"lastModifiedBy": {"user": {"displayName": "Ada"}}, "lastModifiedDateTime": "2026-11-02T10:00:00Z"}
        tags = {"eTag": f'"{identity},{tag}"', "cTag": f'"c:{identity},{tag}"'}
        self._put(identity, {"name": name, **content, **people, **tags}, parent)

    def share(self, identity: str, *permissions: dict[str, Any]) -> None:
        self.permissions[identity] = list(permissions)
        self._changes.append((identity, True))

    def rename(self, identity: str, name: str) -> None:
        self.entries[identity]["name"] = name
        self._changes.append((identity, False))

    def delete(self, identity: str) -> None:
        del self.entries[identity]
        self._changes.append((identity, False))

    def _put(self, identity: str, entry: dict[str, Any], parent: str) -> None:
        above = {"parentReference": {"id": parent, "driveId": "d1"}} if parent else {}
        self.entries[identity] = {"id": identity, **entry, **above}
        self._changes.append((identity, False))

    def __call__(self, asked: Asked) -> Reply:
        place = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        if place.path == "/acme/oauth2/v2.0/token":
            return self._token(asked)
        if place.path == "/storage":
            return Reply(body=self.entries[query["id"]]["_text"].encode())
        if asked.headers.get("authorization") != "Bearer token-of-an-hour":
            return Reply(401)
        routes = {
            r"/v1.0/sites/acme\.sharepoint\.com:/sites/HR": lambda: _json({"id": "s1"}),
            r"/v1.0/sites/s1/drive": lambda: _json({"id": "d1", "name": "Documents"}),
            r"/v1.0/sites/s1/drives": lambda: _json({"value": [{"id": "d1", "name": "Documents"}]}),
            r"/v1.0/drives/d1/(?:root)/delta": lambda: self._delta(query),
            r"/v1.0/drives/d1/items/(\w+)/content": self._content,
            r"/v1.0/drives/d1/items/(\w+)/permissions": lambda i: _json({"value": self.permissions.get(i, [])}),
        }
        for pattern, answer in routes.items():
            if found := re.fullmatch(pattern, place.path):
                return answer(*found.groups())
        return Reply(404)

    def _token(self, asked: Asked) -> Reply:
        fields = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        self.tokens += 1
        if fields.get("client_secret") != "hunter2" or fields["grant_type"] != "client_credentials":
            return Reply(401)
        return _json({"token_type": "Bearer", "expires_in": 3599, "access_token": "token-of-an-hour"})

    def _delta(self, query: dict[str, str]) -> Reply:
        if self.lost_links and "token" in query:
            self.lost_links = False
            return Reply(410)
        since, skip = int(query.get("token", 0)), int(query.get("skip", 0))
        changed = dict.fromkeys(identity for identity, _ in self._changes[since:])
        shared = {identity for identity, is_shared in self._changes[since:] if is_shared}
        found = [self._told(identity, identity in shared and since > 0) for identity in changed]
        answer: dict[str, Any] = {"value": found[skip : skip + _AT_ONCE]}
        base = f"{self.url}/v1.0/drives/d1/{'root'}/delta"
        if skip + _AT_ONCE < len(found):
            answer["@odata.nextLink"] = f"{base}?token={since}&skip={skip + _AT_ONCE}"
        else:
            answer["@odata.deltaLink"] = f"{base}?token={len(self._changes)}"
        return _json(answer)

    def _told(self, identity: str, is_shared: bool) -> dict[str, Any]:
        if identity not in self.entries:
            return {"id": identity, "deleted": {"state": "deleted"}}
        told = {name: value for name, value in self.entries[identity].items() if not name.startswith("_")}
        return {**told, "@microsoft.graph.sharedChanged": "True"} if is_shared else told

    def _content(self, identity: str) -> Reply:
        return Reply(302, headers={"Location": f"{self.storage or self.url}/storage?id={identity}&tempauth=signed"})


def person(name: str) -> dict[str, Any]:
    return {"roles": ["read"], "grantedToV2": {"user": {"displayName": name, "email": f"{name}@example.org"}}}


def group(name: str) -> dict[str, Any]:
    return {"roles": ["write"], "grantedToV2": {"siteGroup": {"displayName": name}}}


def link(scope: str) -> dict[str, Any]:
    return {"roles": ["read"], "link": {"scope": scope, "type": "view"}}


def _json(content: Any) -> Reply:
    return Reply(body=json.dumps(content).encode(), headers={"Content-Type": "application/json"})
