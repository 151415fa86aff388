"""Pages of a real web server on loopback: of allowed hosts, as robots.txt wants it, and unchanged ones for nothing."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.core.fetch import Network
from ingot.core.secrets import offer_environment
from ingot.data.connectors.sitemap import Config, Connector
from ingot.flow.source import Snapshot
from tests.data.connectors.reading import texts
from tests.data.connectors.web_server import Asked, Reply, WebServer

HTML = {"Content-Type": "text/html; charset=utf-8"}


class Site:
    """Pages by path, answered with etags; `pages` may be changed at any time."""

    def __init__(self) -> None:
        self.pages: dict[str, Reply] = {}
        self.robots = Reply(404)

    def __call__(self, asked: Asked) -> Reply:
        if asked.path == "/robots.txt":
            return self.robots
        reply = self.pages.get(asked.path, Reply(404))
        tag = f'"{hash(reply.body) & 0xFFFF:x}"'
        if reply.status == 200 and asked.headers.get("if-none-match") == tag:
            return Reply(304)
        stamp = {"ETag": tag} if reply.status == 200 and "Last-Modified" not in reply.headers else {}
        return Reply(reply.status, reply.body, {**HTML, **stamp, **reply.headers})

    def page(self, path: str, text: str) -> None:
        self.pages[path] = Reply(body=f"<p>{text}</p>".encode())


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def server(site: Site) -> Iterator[WebServer]:
    with WebServer(site) as running:
        for name, text in (("/a", "one"), ("/b", "two")):
            site.page(name, text)
        list_pages(site, running, "/a", "/b")
        yield running


def sitemap(*urls: str, kind: str = "urlset", entry: str = "url") -> bytes:
    named = "".join(f"<{entry}><loc>{url}</loc><lastmod>2026-11-01</lastmod></{entry}>" for url in urls)
    return f'<?xml version="1.0"?><{kind} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{named}</{kind}>'.encode()


def list_pages(site: Site, server: WebServer, *paths: str) -> None:
    site.pages["/sitemap.xml"] = Reply(body=sitemap(*(f"{server.url}{path}" for path in paths)))


def config(server: WebServer, **options: Any) -> Config:
    usual = {"url": f"{server.url}/sitemap.xml", "pause_seconds": 0.0, "network": Network(networks=("127.0.0.0/8",))}
    return Config(**{**usual, **options})


def snapshot(chosen: Config, cache: Path) -> Snapshot:
    return Connector(chosen, cache).snapshot()


def test_pages_are_named_by_their_address(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server), tmp_path)
    assert texts(found) == {f"{server.url}/a": "<p>one</p>", f"{server.url}/b": "<p>two</p>"}
    first = found.items[0]
    assert (first.media_type, bool(first.version), first.modified) == ("text/html", True, 1793491200.0)
    assert all(asked.headers["user-agent"].startswith("ingot/") for asked in server.asked)


def test_an_unchanged_page_costs_a_request_and_no_bytes(server: WebServer, site: Site, tmp_path: Path) -> None:
    before = snapshot(config(server), tmp_path)
    server.asked.clear()
    server.sent_bytes = 0
    assert snapshot(config(server), tmp_path) == before
    assert [asked.path for asked in server.asked] == ["/robots.txt", "/sitemap.xml", "/a", "/b"]
    assert server.sent_bytes == len(site.pages["/sitemap.xml"].body)
    site.page("/b", "three")
    found = snapshot(config(server), tmp_path)
    assert texts(found)[f"{server.url}/b"] == "<p>three</p>"
    assert found.digest != before.digest


def test_a_date_serves_where_there_is_no_etag(server: WebServer, site: Site, tmp_path: Path) -> None:
    date = "Mon, 02 Nov 2026 10:00:00 GMT"
    site.pages["/a"] = Reply(body=b"text", headers={"Last-Modified": date})
    found = snapshot(config(server), tmp_path)
    assert (found.items[0].version, found.items[0].modified) == (date, 1793613600.0)
    server.asked.clear()
    snapshot(config(server), tmp_path)
    (asked,) = server.asked_for("/a")
    assert asked.headers["if-modified-since"] == date


def test_what_is_gone_or_no_longer_listed_vanished(server: WebServer, site: Site, tmp_path: Path) -> None:
    site.page("/c", "three")
    list_pages(site, server, "/a", "/b", "/c")
    snapshot(config(server), tmp_path)
    site.pages["/b"] = Reply(410)
    list_pages(site, server, "/a", "/b")
    found = snapshot(config(server), tmp_path)
    assert [item.uri for item in found.items] == [f"{server.url}/a"]
    assert [uri for uri, _ in found.vanished] == [f"{server.url}/b", f"{server.url}/c"]
    copies = b"".join(path.read_bytes() for path in tmp_path.rglob("bytes/*/*"))
    assert b"two" not in copies
    assert b"three" not in copies


def test_a_page_that_fails_for_now_is_neither_gone_nor_forgotten(server: WebServer, site: Site, tmp_path: Path) -> None:
    snapshot(config(server), tmp_path)
    kept = site.pages["/b"]
    site.pages["/b"] = Reply(500)
    found = snapshot(config(server), tmp_path)
    assert (found.vanished, dict(found.skipped)) == ((), {f"{server.url}/b": "it could not be fetched: it answers 500"})
    site.pages["/b"] = kept
    server.asked.clear()
    snapshot(config(server), tmp_path)
    assert "if-none-match" in server.asked_for("/b")[0].headers


def test_an_interrupted_snapshot_goes_on_where_it_stopped(server: WebServer, site: Site, tmp_path: Path) -> None:
    cut = Connector(config(server), tmp_path)
    whole = cut._item

    def break_off(state: Any, target: Any, changed: str) -> Any:
        if target.path == "/b":
            raise KeyboardInterrupt
        return whole(state, target, changed)

    cut._item = break_off  # type: ignore[method-assign]  # the connection breaks at a place that no server could choose
    with pytest.raises(KeyboardInterrupt):
        cut.snapshot()
    server.asked.clear()
    assert len(snapshot(config(server), tmp_path).items) == 2
    assert ["if-none-match" in server.asked_for(path)[0].headers for path in ("/a", "/b")] == [True, False]


def test_robots_are_heard(server: WebServer, site: Site, tmp_path: Path) -> None:
    site.robots = Reply(body=b"User-agent: *\nDisallow: /\n\nUser-agent: ingot\nDisallow: /b\nCrawl-delay: 0.01\n")
    found = snapshot(config(server), tmp_path)
    assert [item.uri for item in found.items] == [f"{server.url}/a"]
    assert "robots.txt" in dict(found.skipped)[f"{server.url}/b"]
    assert server.asked_for("/b") == []


def test_robots_that_fail_forbid_everything(server: WebServer, site: Site, tmp_path: Path) -> None:
    site.robots = Reply(503)
    with pytest.raises(InputError) as caught:
        snapshot(config(server, network=Network(networks=("127.0.0.0/8",), tries=1)), tmp_path)
    assert "robots.txt" in caught.value.why
    assert server.asked_for("/sitemap.xml") == []


def test_other_hosts_are_not_asked(server: WebServer, site: Site, tmp_path: Path) -> None:
    with WebServer(lambda asked: Reply(body=b"secret")) as other:
        urls = (f"{server.url}/a", f"{other.url}/x", f"http://localhost:{other.port}/y", "file:///etc/passwd")
        site.pages["/sitemap.xml"] = Reply(body=sitemap(*urls))
        found = snapshot(config(server), tmp_path)
        assert [item.uri for item in found.items] == [f"{server.url}/a"]
        assert len(found.skipped) == 3
        assert other.asked == []
        site.pages["/a"] = Reply(302, headers={"Location": f"{other.url}/x"})
        with pytest.raises(InputError):
            snapshot(config(server), tmp_path / "2")
        assert other.asked == []
        network = Network((other.host,), ("127.0.0.0/8",))
        assert len(snapshot(config(server, network=network), tmp_path / "3").items) == 2


def test_a_site_on_a_private_address_must_be_allowed(server: WebServer, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        snapshot(config(server, network=Network()), tmp_path)
    assert "not a public address" in caught.value.why
    assert server.asked == []


def test_an_authorization_is_for_its_own_site_only(server: WebServer, site: Site, tmp_path: Path) -> None:
    offer_environment({"SITE_KEY": "Bearer hunter2"})
    with WebServer(lambda asked: Reply(body=b"page", headers=HTML)) as other:
        site.pages["/sitemap.xml"] = Reply(body=sitemap(f"{server.url}/a", f"{other.url}/x"))
        network = Network((other.host,), ("127.0.0.0/8",))
        found = snapshot(config(server, credential="env:SITE_KEY", network=network), tmp_path)
        assert server.asked_for("/a")[0].headers["authorization"] == "Bearer hunter2"
        assert "authorization" not in other.asked_for("/x")[0].headers
    assert "hunter2" not in repr(found.as_literals())
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    offer_environment({})


def test_indexes_packed_maps_and_lists_of_lines(server: WebServer, site: Site, tmp_path: Path) -> None:
    below = (f"{server.url}/one.xml.gz", f"{server.url}/two.txt", f"{server.url}/sitemap.xml")
    site.pages["/sitemap.xml"] = Reply(body=sitemap(*below, kind="sitemapindex", entry="sitemap"))
    site.pages["/one.xml.gz"] = Reply(body=gzip.compress(sitemap(f"{server.url}/a")))
    site.pages["/two.txt"] = Reply(body=f"{server.url}/b\n\n".encode())
    assert list(texts(snapshot(config(server), tmp_path))) == [f"{server.url}/a", f"{server.url}/b"]
    assert len(server.asked_for("/sitemap.xml")) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (gzip.compress(bytes(60 << 20)), "too large"),
        (b"\x1f\x8b rubbish", "damaged"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><urlset/>', "document type"),
        (b"<html>no sitemap", "not XML"),
    ],
    ids=["bomb", "damaged", "entities", "no xml"],
)
def test_a_hostile_sitemap_is_an_error_in_words(
    server: WebServer, site: Site, tmp_path: Path, body: bytes, said: str
) -> None:
    site.pages["/sitemap.xml"] = Reply(body=body)
    with pytest.raises(InputError, match=said):
        snapshot(config(server), tmp_path)


def test_too_many_pages_are_refused_rather_than_cut(server: WebServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="more than 1 pages"):
        snapshot(config(server, most_pages=1), tmp_path)


def test_patterns_choose(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server, include=("*/a", "*/b"), exclude=("*/b",)), tmp_path)
    assert list(texts(found)) == [f"{server.url}/a"]


def test_a_missing_sitemap_says_so(server: WebServer, site: Site, tmp_path: Path) -> None:
    site.pages.clear()
    with pytest.raises(InputError, match="could not be fetched") as caught:
        snapshot(config(server), tmp_path)
    assert "not there" in caught.value.why
