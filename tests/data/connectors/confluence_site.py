"""A Confluence Cloud site as Atlassian's description of REST API v2 (and v1 for restrictions) has it, on loopback."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.data.connectors.web_server import Asked, Reply

AUTHORIZATION = f"Basic {base64.b64encode(b'ada@example.org:hunter2').decode()}"
_AT_ONCE = 2  # so that answers come in pages


class ConfluenceSite:
    """Spaces with pages; `pages` maps ids to {space, title, body, version, parent, users, groups, files}."""

    def __init__(self) -> None:
        self.spaces = {"HR": "100", "IT": "200"}
        self.pages: dict[str, dict[str, Any]] = {}
        self.media = ""

    def put(self, identity: str, title: str, body: str, **more: Any) -> None:
        known = self.pages.get(identity, {"version": 0})
        usual = {"space": "HR", "parent": None, "users": [], "groups": [], "files": {}}
        self.pages[identity] = {**usual, "title": title, "body": body, **more, "version": known["version"] + 1}

    def __call__(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != AUTHORIZATION:
            return Reply(401)
        place = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        routes = {
            r"/wiki/api/v2/spaces": self._spaces,
            r"/wiki/api/v2/spaces/(\d+)/pages": self._listed,
            r"/wiki/api/v2/pages/(\d+)": self._page,
            r"/wiki/api/v2/pages/(\d+)/attachments": self._files,
            r"/wiki/rest/api/content/(\d+)/restriction/byOperation/read": self._restrictions,
            r"/wiki/download/(\d+)/(.+)": self._download,
        }
        for pattern, answer in routes.items():
            if found := re.fullmatch(pattern, place.path):
                reply: Reply = answer(query, place.path, *found.groups())
                return reply
        return Reply(404)

    def _spaces(self, query: dict[str, str], path: str) -> Reply:
        wanted = query["keys"].split(",")
        return _pages([{"id": n, "key": key} for key, n in self.spaces.items() if key in wanted], query, path)

    def _listed(self, query: dict[str, str], path: str, space: str) -> Reply:
        key = next(key for key, number in self.spaces.items() if number == space)
        found = [self._described(number) for number, page in sorted(self.pages.items()) if page["space"] == key]
        return _pages(found, query, path)

    def _described(self, number: str) -> dict[str, Any]:
        page = self.pages[number]
        version = {"number": page["version"], "createdAt": "2026-11-02T10:00:00.000Z", "authorId": "a1"}
        named = {"id": number, "title": page["title"], "status": "current", "parentId": page["parent"]}
        return {**named, "authorId": "a0", "version": version}

    def _page(self, query: dict[str, str], path: str, number: str) -> Reply:
        assert query["body-format"] == "storage"
        body = {"storage": {"value": self.pages[number]["body"], "representation": "storage"}}
        return _json({**self._described(number), "body": body})

    def _files(self, query: dict[str, str], path: str, number: str) -> Reply:
        files = self.pages[number]["files"]
        return _pages(
            [
                {
                    "id": f"att{place}",
                    "title": name,
                    "version": {"number": version},
                    "downloadLink": f"/download/{number}/{name}",
                }
                for place, (name, (version, _)) in enumerate(files.items())
            ],
            query,
            path,
        )

    def _restrictions(self, query: dict[str, str], path: str, number: str) -> Reply:
        page = self.pages[number]
        users = {"results": [{"type": "known", "accountId": name} for name in page["users"]]}
        groups = {"results": [{"type": "group", "name": name} for name in page["groups"]]}
        return _json({"operation": "read", "restrictions": {"user": users, "group": groups}})

    def _download(self, query: dict[str, str], path: str, number: str, name: str) -> Reply:
        if self.media:
            return Reply(302, headers={"Location": f"{self.media}/file?token=signed"})
        return Reply(body=self.pages[number]["files"][name][1])


def _json(content: Any) -> Reply:
    return Reply(body=json.dumps(content).encode(), headers={"Content-Type": "application/json"})


def _pages(results: list[dict[str, Any]], query: dict[str, str], path: str) -> Reply:
    start = int(query.get("cursor", 0))
    links = {"next": f"{path}?cursor={start + _AT_ONCE}"} if start + _AT_ONCE < len(results) else {}
    if query.get("keys") and links:
        links["next"] += f"&keys={query['keys']}"
    return _json({"results": results[start : start + _AT_ONCE], "_links": links})
