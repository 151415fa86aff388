"""Files of a web server that lists them, by WebDAV or as links: below one folder, and unchanged ones for nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest

from ingot.core.errors import InputError
from ingot.core.fetch import Network
from ingot.core.secrets import offer_environment
from ingot.data.connectors.http_listing import Config, Connector
from ingot.flow.source import Snapshot
from tests.data.connectors.reading import texts
from tests.data.connectors.web_server import Asked, Reply, WebServer

DATE = "Mon, 02 Nov 2026 10:00:00 GMT"


class Shelf:
    """Files below /docs/, listed by WebDAV or as links; `extra` is put into every listing as it is."""

    def __init__(self, has_webdav: bool) -> None:
        self.has_webdav = has_webdav
        self.files = {"a.txt": "one", "deep/ü b.txt": "two"}
        self.extra = ""

    def __call__(self, asked: Asked) -> Reply:
        if asked.method == "PROPFIND" and not self.has_webdav:
            return Reply(405)
        path = unquote(asked.path).removeprefix("/docs/")
        if path in self.files:
            tag = self._tag(path)
            if asked.headers.get("if-none-match") == tag:
                return Reply(304)
            return Reply(body=self.files[path].encode(), headers={"ETag": tag, "Last-Modified": DATE})
        if (path and not path.endswith("/")) or path.startswith("/"):
            return Reply(404)
        names = sorted(
            {name[len(path) :].split("/")[0] + "/" * ("/" in name[len(path) :]) for name in self.below(path)}
        )
        return self._webdav(path, names) if asked.method == "PROPFIND" else self._links(names)

    def below(self, path: str) -> list[str]:
        return [name for name in self.files if name.startswith(path)]

    def _tag(self, name: str) -> str:
        return f'"{hashlib.sha256(self.files[name].encode()).hexdigest()[:8]}"'

    def _links(self, names: list[str]) -> Reply:
        links = "".join(f'<a href="{quote(name)}">{name}</a>' for name in names)
        return Reply(body=f"<html><a href='../'>up</a><a href='?C=N;O=D'>sort</a>{links}{self.extra}</html>".encode())

    def _webdav(self, path: str, names: list[str]) -> Reply:
        responses = "".join(self._response(path + name) for name in ["", *names])
        text = f'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">{responses}{self.extra}</D:multistatus>'
        return Reply(207, text.encode())

    def _response(self, name: str) -> str:
        is_folder = name.endswith("/") or not name
        kind = "<D:collection/>" if is_folder else ""
        more = (
            ""
            if is_folder
            else f"<D:getetag>{self._tag(name)}</D:getetag><D:getlastmodified>{DATE}</D:getlastmodified>"
        )
        prop = f"<D:prop><D:resourcetype>{kind}</D:resourcetype>{more}</D:prop>"
        href = f"/docs/{quote(name)}".rstrip("/")  # many servers leave out the last stroke
        return f"<D:response><D:href>{href}</D:href><D:propstat>{prop}</D:propstat></D:response>"


@pytest.fixture(params=["webdav", "links"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    return Shelf(has_webdav=request.param == "webdav")


@pytest.fixture
def server(shelf: Shelf) -> Iterator[WebServer]:
    with WebServer(shelf) as running:
        yield running


def config(server: WebServer, **options: Any) -> Config:
    usual = {"url": f"{server.url}/docs", "network": Network(networks=("127.0.0.0/8",))}
    return Config(**{**usual, **options})


def snapshot(chosen: Config, cache: Path) -> Snapshot:
    return Connector(chosen, cache).snapshot()


def test_files_are_named_relative_to_the_folder(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server), tmp_path)
    assert texts(found) == {"a.txt": "one", "deep/ü b.txt": "two"}
    assert all(item.version and item.modified == 1793613600.0 for item in found.items)


def test_only_what_changed_is_sent_again(server: WebServer, shelf: Shelf, tmp_path: Path) -> None:
    before = snapshot(config(server), tmp_path)
    server.asked.clear()
    assert snapshot(config(server), tmp_path) == before
    fetched = [asked for asked in server.asked if asked.path.endswith(".txt")]
    if shelf.has_webdav:
        assert fetched == []
    else:
        assert all("if-none-match" in asked.headers for asked in fetched)
    shelf.files = {"a.txt": "three", "c.txt": "four"}
    found = snapshot(config(server), tmp_path)
    assert texts(found) == {"a.txt": "three", "c.txt": "four"}
    assert [uri for uri, _ in found.vanished] == ["deep/ü b.txt"]


def test_nothing_above_and_no_other_host_is_followed(server: WebServer, shelf: Shelf, tmp_path: Path) -> None:
    with WebServer(lambda asked: Reply(body=b"secret")) as other:
        places = ("/secret.txt", "../secret.txt", "/docs/../secret.txt", "/docs/%2e%2e/secret.txt")
        places += (f"{other.url}/docs/x.txt", f"//{other.host}/docs/x.txt", "file:///etc/passwd", "http://[bad/")
        if shelf.has_webdav:
            shelf.extra = "".join(f"<D:response><D:href>{place}</D:href></D:response>" for place in places)
        else:
            shelf.extra = "".join(f'<a href="{place}">x</a>' for place in places)
        found = snapshot(config(server), tmp_path)
        assert sorted(texts(found)) == ["a.txt", "deep/ü b.txt"]
        assert other.asked == []
    asked_for = {asked.path for asked in server.asked}
    assert asked_for == {"/docs/", "/docs/a.txt", "/docs/deep/", "/docs/deep/%C3%BC%20b.txt"}


def test_a_listing_that_leads_to_itself_ends(server: WebServer, shelf: Shelf, tmp_path: Path) -> None:
    if shelf.has_webdav:
        shelf.extra = "<D:response><D:href>/docs/deep/</D:href><D:collection/></D:response>"
    else:
        shelf.extra = '<a href="/docs/">x</a><a href="/docs/deep/">x</a>'
    assert len(snapshot(config(server), tmp_path).items) == 2


def test_patterns_and_a_limit_choose(server: WebServer, tmp_path: Path) -> None:
    assert list(texts(snapshot(config(server, include=("deep/*",)), tmp_path))) == ["deep/ü b.txt"]
    assert list(texts(snapshot(config(server, exclude=("deep/*",)), tmp_path))) == ["a.txt"]
    with pytest.raises(InputError, match="more than 1 files"):
        snapshot(config(server, most_files=1), tmp_path)


def test_a_credential_is_sent_and_not_kept(server: WebServer, tmp_path: Path) -> None:
    offer_environment({"SHELF_KEY": "Basic hunter2"})
    found = snapshot(config(server, credential="env:SHELF_KEY"), tmp_path)
    assert {asked.headers["authorization"] for asked in server.asked} == {"Basic hunter2"}
    assert "hunter2" not in repr(found.as_literals())
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    offer_environment({})


def test_a_folder_that_is_not_there_says_so(server: WebServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed"):
        snapshot(config(server, url=f"{server.url}/none"), tmp_path)


def test_a_server_on_a_private_address_must_be_allowed(server: WebServer, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        snapshot(config(server, network=Network()), tmp_path)
    assert "not a public address" in caught.value.why
