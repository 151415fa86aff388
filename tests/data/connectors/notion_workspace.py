"""A workspace as the description of Notion's API (version 2022-06-28) has it, on loopback."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.data.connectors.web_server import Asked, Reply

_AT_ONCE = 2  # so that answers come in pages


class NotionWorkspace:
    """Pages by id: {title, edited, blocks}; a block is a paragraph, whose text may have one more inside."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, Any]] = {}

    def put(
        self, identity: str, title: str, *texts: str, edited: str = "2026-11-02T10:00:00.000Z", **more: Any
    ) -> None:
        self.pages[identity] = {"title": title, "texts": texts, "edited": edited, **more}

    def __call__(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != "Bearer hunter2":
            return Reply(401)
        if asked.headers.get("notion-version") != "2022-06-28":
            return Reply(400)
        place = urlsplit(asked.path)
        if (asked.method, place.path) == ("POST", "/v1/search"):
            return self._search(json.loads(asked.body))
        query = {name: values[0] for name, values in parse_qs(place.query).items()}
        if found := re.fullmatch(r"/v1/blocks/([\w-]+)/children", place.path):
            return self._children(found[1], query)
        return Reply(404)

    def _search(self, asked: dict[str, Any]) -> Reply:
        assert asked["filter"] == {"property": "object", "value": "page"}
        return _listed([self._page(identity) for identity in self.pages], int(asked.get("start_cursor", 0)))

    def _page(self, identity: str) -> dict[str, Any]:
        page = self.pages[identity]
        title = {"id": "title", "type": "title", "title": [{"type": "text", "plain_text": page["title"]}]}
        named = {"object": "page", "id": identity, "url": f"https://www.notion.so/{identity}"}
        people = {"last_edited_by": {"object": "user", "id": "u1"}, "last_edited_time": page["edited"]}
        return {**named, **people, "in_trash": page.get("in_trash", False), "properties": {"Name": title}}

    def _children(self, identity: str, query: dict[str, str]) -> Reply:
        page, _, inner = identity.partition("_")
        texts = [f"inside {inner}"] if inner else self.pages[page]["texts"]
        blocks = [_paragraph(f"{identity}_{place}", text) for place, text in enumerate(texts)]
        return _listed(blocks, int(query.get("start_cursor", 0)))


def _paragraph(identity: str, text: str) -> dict[str, Any]:
    content = {"rich_text": [{"type": "text", "plain_text": text}]}
    has_children = text.startswith("with")
    return {"object": "block", "id": identity, "type": "paragraph", "has_children": has_children, "paragraph": content}


def _listed(results: list[dict[str, Any]], start: int) -> Reply:
    has_more = start + _AT_ONCE < len(results)
    answer = {"object": "list", "results": results[start : start + _AT_ONCE], "has_more": has_more}
    body = json.dumps({**answer, "next_cursor": str(start + _AT_ONCE) if has_more else None})
    return Reply(body=body.encode(), headers={"Content-Type": "application/json"})
