"""A small source of every kind, holding the texts a test gives it: what the contract of connectors is tested on."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingot.core.fetch import Network
from ingot.core.plugins import load
from ingot.core.secrets import offer_environment
from tests.data.connectors.confluence_site import ConfluenceSite
from tests.data.connectors.exports import confluence, page, write_zip
from tests.data.connectors.graph_site import GraphSite
from tests.data.connectors.notion_workspace import NotionWorkspace
from tests.data.connectors.object_store import REGION, ObjectServer
from tests.data.connectors.test_git import CLEAN, git
from tests.data.connectors.test_http_listing import Shelf
from tests.data.connectors.test_mailbox import mbox
from tests.data.connectors.test_sitemap import Site, list_pages
from tests.data.connectors.test_warc import Archive
from tests.data.connectors.web_server import WebServer

SECRET = "hunter2"
LOOPBACK = Network(networks=("127.0.0.0/8",), tries=1)
Texts = Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """A source: `put` makes it hold exactly these texts, and `options` are what a connector's Config needs for it."""

    put: Callable[[Texts], None]
    options: Mapping[str, Any]


def local(name: str, write: Callable[[Path, Texts], object], **options: Any) -> Any:
    """Return a maker of places in a folder of this machine; `write` fills the folder anew."""

    @contextlib.contextmanager
    def make(folder: Path) -> Iterator[Place]:
        place = folder / name
        place.mkdir(parents=True)
        yield Place(lambda texts: _refill(place, write, texts), {"paths": (str(place),), **options})

    return make


def _refill(place: Path, write: Callable[[Path, Texts], object], texts: Texts) -> None:
    for path in sorted(place.rglob("*"), reverse=True):
        if path.is_file() and ".git" not in path.parts:
            path.unlink()
    if texts:
        write(place, texts)


def _files(place: Path, texts: Texts) -> None:
    for name, text in texts.items():
        (place / f"{name}.txt").write_text(text, encoding="utf-8")


def _archive(place: Path, texts: Texts) -> None:
    with Archive(place / "a.warc.gz") as archive:
        for name, text in texts.items():
            archive.capture(f"https://example.org/{name}", text.encode())


def _mbox(place: Path, texts: Texts) -> None:
    messages = (f"Message-ID: <{name}@example.org>\nSubject: {name}\n\n{text}\n" for name, text in texts.items())
    (place / "in.mbox").write_text(mbox(*messages), encoding="utf-8")


def _records(place: Path, texts: Texts) -> None:
    rows = (json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items())
    (place / "rows.jsonl").write_text("".join(rows), encoding="utf-8")


@contextlib.contextmanager
def _git(folder: Path) -> Iterator[Place]:
    place = folder / "repository"
    place.mkdir(parents=True)
    git(place, "init", "--quiet", "--initial-branch=main")

    def put(texts: Texts) -> None:
        _refill(place, _files, texts)
        git(place, "add", "--all")
        subprocess.run(["git", "-C", str(place), "commit", "-q", "-m", "x", "--allow-empty"], env=_AS_ADA, check=True)

    yield Place(put, {"paths": (str(place),)})


_AS_ADA = {**CLEAN, "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}


@contextlib.contextmanager
def _sql(folder: Path) -> Iterator[Place]:
    path = folder / "shop.db"
    folder.mkdir(parents=True, exist_ok=True)

    def put(texts: Texts) -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS rows (id TEXT, text TEXT)")
            connection.execute("DELETE FROM rows")
            connection.executemany("INSERT INTO rows VALUES (?, ?)", texts.items())

    yield Place(put, {"url": f"sqlite:///{path}", "query": "SELECT * FROM rows", "key": "id"})


@contextlib.contextmanager
def _sitemap(folder: Path) -> Iterator[Place]:
    site = Site()
    with WebServer(site) as server:

        def put(texts: Texts) -> None:
            site.pages.clear()
            for name, text in texts.items():
                site.page(f"/{name}", text)
            list_pages(site, server, *(f"/{name}" for name in texts))

        options = {"url": f"{server.url}/sitemap.xml", "pause_seconds": 0.0, "credential": "env:SECRET"}
        yield Place(put, {**options, "network": LOOPBACK})


@contextlib.contextmanager
def _http_listing(folder: Path) -> Iterator[Place]:
    shelf = Shelf(has_webdav=True)

    def put(texts: Texts) -> None:
        shelf.files = {f"{name}.txt": text for name, text in texts.items()}

    with WebServer(shelf) as server:
        yield Place(put, {"url": f"{server.url}/docs", "credential": "env:SECRET", "network": LOOPBACK})


@contextlib.contextmanager
def _objects(folder: Path) -> Iterator[Place]:
    held: set[str] = set()
    with ObjectServer() as server:

        def put(texts: Texts) -> None:
            for name in held - set(texts):
                server.remove(f"{name}.txt")
            server.put(**texts)
            held.clear()
            held.update(texts)

        keys = {"access_key_id": "env:SECRET", "secret_access_key": "env:SECRET"}
        options = {"url": "s3://docs", "endpoint": server.url, "region": REGION, "credentials": keys}
        yield Place(put, {**options, "network": LOOPBACK})


@contextlib.contextmanager
def _confluence(folder: Path) -> Iterator[Place]:
    site = ConfluenceSite()

    def put(texts: Texts) -> None:
        numbers = {str(ord(name)): text for name, text in texts.items()}
        for number in set(site.pages) - set(numbers):
            del site.pages[number]
        for number, text in numbers.items():
            if site.pages.get(number, {}).get("body") != text:
                site.put(number, "T", text)

    options = {"spaces": ("HR",), "user": "ada@example.org", "credential": "env:SECRET", "network": LOOPBACK}
    with WebServer(site) as server:
        yield Place(put, {"url": f"{server.url}/wiki", **options})


@contextlib.contextmanager
def _sharepoint(folder: Path) -> Iterator[Place]:
    site = GraphSite()

    def put(texts: Texts) -> None:
        for name in [name for name, entry in site.entries.items() if "file" in entry and name not in texts]:
            site.delete(name)
        for name, text in texts.items():
            if site.entries.get(name, {}).get("_text") != text:
                site.file(name, f"{name}.txt", text)

    with WebServer(site) as server:
        site.url = server.url
        named = {
            "site": "acme.sharepoint.com:/sites/HR",
            "tenant": "acme",
            "client_id": "c",
            "credential": "env:SECRET",
        }
        yield Place(put, {**named, "graph": f"{server.url}/v1.0", "login": server.url, "network": LOOPBACK})


@contextlib.contextmanager
def _notion(folder: Path) -> Iterator[Place]:
    workspace = NotionWorkspace()

    def put(texts: Texts) -> None:
        workspace.pages.clear()
        for name, text in texts.items():
            # The length tells one edit from another, as a time would.
            workspace.put(name, "T", text, edited=f"2026-11-02T10:{len(text):02}:00.000Z")

    with WebServer(workspace) as server:
        yield Place(put, {"credential": "env:SECRET", "url": server.url, "network": LOOPBACK})


def _space(place: Path, texts: Texts) -> None:
    pages = (page(str(ord(name)), name, f"<p>{text}</p>") for name, text in texts.items())
    write_zip(place / "HR.zip", {"entities.xml": confluence(*pages)})


MAKERS: dict[str, Any] = {
    "confluence": _confluence,
    "confluence_export": local("exports", _space),
    "folder": local("docs", _files),
    "git": _git,
    "http_listing": _http_listing,
    "mailbox": local("mail", _mbox),
    "notion": _notion,
    "notion_export": local("exports", lambda place, texts: write_zip(place / "Export-1.zip", _named(texts, "md"))),
    "objects": _objects,
    "records": local("tables", _records, text="text", id="id"),
    "sharepoint": _sharepoint,
    "sharepoint_export": local(
        "exports", lambda place, texts: write_zip(place / "OneDrive_1.zip", _named(texts, "txt"))
    ),
    "sitemap": _sitemap,
    "sql": _sql,
    "warc": local("archives", _archive),
}


def _named(texts: Texts, ending: str) -> dict[str, str]:
    return {f"{name}.{ending}": text for name, text in texts.items()}


@contextlib.contextmanager
def place_of(connector: str, folder: Path) -> Iterator[Place]:
    """Make a source for a connector, which lives until the block ends; its credential is SECRET."""
    offer_environment({"SECRET": SECRET})
    with MAKERS[connector](folder) as place:
        yield place
    offer_environment({})


def config_of(connector: str, place: Place) -> Any:
    """Return the connector's Config for a place."""
    return load("connector", connector).config_type(**place.options)
