"""Spaces over Confluence's REST API, against a server written from its description; never run against the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.core.fetch import Network
from ingot.core.secrets import offer_environment
from ingot.data.connectors.confluence import Config, Connector
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot
from tests.data.connectors.confluence_site import ConfluenceSite
from tests.data.connectors.reading import contents, texts
from tests.data.connectors.web_server import Reply, WebServer

LOOPBACK = Network(networks=("127.0.0.0/8",), tries=1)


@pytest.fixture
def site() -> ConfluenceSite:
    made = ConfluenceSite()
    for number in ("1", "2", "3"):
        made.put(number, f"Page {number}", f"<p>text {number}</p>")
    made.put("9", "Other", "<p>other</p>", space="IT")
    return made


@pytest.fixture
def server(site: ConfluenceSite) -> Iterator[WebServer]:
    offer_environment({"WIKI_TOKEN": "hunter2"})
    with WebServer(site) as running:
        yield running
    offer_environment({})


def config(server: WebServer, **options: Any) -> Config:
    usual = {"url": f"{server.url}/wiki", "spaces": ("HR",), "user": "ada@example.org", "credential": "env:WIKI_TOKEN"}
    return Config(**{**usual, "network": LOOPBACK, **options})


def snapshot(chosen: Config, cache: Path) -> Snapshot:
    return Connector(chosen, cache).snapshot()


def bodies(server: WebServer) -> list[str]:
    """Return the ids of the pages whose bodies were asked for."""
    return [asked.path.partition("?")[0].rpartition("/")[2] for asked in server.asked if "body-format" in asked.path]


def test_pages_come_with_revision_author_and_title(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server, spaces=("IT", "HR")), tmp_path)
    assert [item.uri for item in found.items] == ["HR/1", "HR/2", "HR/3", "IT/9"]
    assert "<h1>Page 1</h1><p>text 1</p>" in texts(found)["HR/1"]
    first = found.items[0]
    assert (first.version, first.owner, first.media_type) == ("1", "a1", "text/html")
    assert (first.meta["title"], first.modified) == ("Page 1", 1793613600.0)


def test_only_changed_bodies_are_asked_for(server: WebServer, site: ConfluenceSite, tmp_path: Path) -> None:
    before = snapshot(config(server), tmp_path)
    assert bodies(server) == ["1", "2", "3"]
    server.asked.clear()
    assert snapshot(config(server), tmp_path) == before
    assert bodies(server) == []
    site.put("2", "Page 2", "<p>changed</p>")
    del site.pages["3"]
    found = snapshot(config(server), tmp_path)
    assert bodies(server) == ["2"]
    assert "changed" in texts(found)["HR/2"]
    assert found.vanished == (("HR/3", "1"),)
    assert b"text 3" not in b"".join(path.read_bytes() for path in tmp_path.rglob("packs/*"))


def test_restrictions_are_followed_up_the_tree_and_asked_for_each_time(
    server: WebServer, site: ConfluenceSite, tmp_path: Path
) -> None:
    site.pages["2"] |= {"groups": ["board"], "users": ["a7"]}
    site.pages["3"] |= {"parent": "2"}
    chosen = config(server, rights=Rights(access=("everybody",)))
    before = snapshot(chosen, tmp_path)
    restricted = ("group:board", "user:a7")
    assert [item.access for item in before.items] == [("everybody",), restricted, restricted]
    site.pages["2"] |= {"groups": [], "users": ["a7"]}  # no new revision
    server.asked.clear()
    found = snapshot(chosen, tmp_path)
    assert [item.access for item in found.items] == [("everybody",), ("user:a7",), ("user:a7",)]
    assert (bodies(server), found.digest != before.digest) == ([], True)


def test_attachments_are_read_once_and_may_come_from_elsewhere(
    server: WebServer, site: ConfluenceSite, tmp_path: Path
) -> None:
    site.pages["1"]["files"] = {"plan.pdf": (1, b"%PDF-1.7 plan")}
    with WebServer(lambda asked: Reply(body=b"%PDF-1.7 elsewhere")) as media:
        site.media = media.url
        refused = snapshot(config(server), tmp_path)
        assert "not among the allowed hosts" in dict(refused.skipped)["HR/1/plan.pdf"]
        network = Network((media.host,), ("127.0.0.0/8",))
        found = snapshot(config(server, network=network), tmp_path)
        assert contents(found)["HR/1/plan.pdf"] == b"%PDF-1.7 elsewhere"
        assert all("authorization" not in asked.headers for asked in media.asked)
        assert snapshot(config(server, network=network), tmp_path) == found
        assert len(media.asked) == 1


def test_an_interrupted_snapshot_goes_on_where_it_stopped(
    server: WebServer, site: ConfluenceSite, tmp_path: Path
) -> None:
    whole = site.__call__
    server.answering = lambda asked: Reply(503) if asked.path.startswith("/wiki/api/v2/pages/2") else whole(asked)
    found = snapshot(config(server), tmp_path)
    assert [item.uri for item in found.items] == ["HR/1", "HR/3"]
    assert found.vanished == ()
    server.asked.clear()
    server.answering = whole
    assert len(snapshot(config(server), tmp_path).items) == 3
    assert bodies(server) == ["2"]


def test_the_credential_is_sent_and_not_kept(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server), tmp_path)
    assert "hunter2" not in repr(found.as_literals())
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    with pytest.raises(InputError) as caught:
        snapshot(config(server, user="eve@example.org"), tmp_path / "2")
    assert "not accepted" in caught.value.why
    assert "hunter2" not in str(caught.value)


def test_a_space_that_is_not_there_says_so(server: WebServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no space 'LAW'"):
        snapshot(config(server, spaces=("HR", "LAW")), tmp_path)


@pytest.mark.parametrize(
    "answer",
    [Reply(body=b"<html>"), Reply(body=b"[]"), Reply(body=b'{"results": [{}]}'), Reply(body=b'{"results": 7}')],
    ids=["no json", "a list", "no key", "a number"],
)
def test_other_answers_than_described_are_errors_in_words(server: WebServer, tmp_path: Path, answer: Reply) -> None:
    server.answering = lambda asked: answer
    with pytest.raises(InputError) as caught:
        snapshot(config(server), tmp_path)
    assert "the service" in caught.value.what


def test_a_link_to_another_host_is_not_followed(server: WebServer, tmp_path: Path) -> None:
    with WebServer(lambda asked: Reply(body=b"{}")) as other:
        link = f'{{"results": [], "_links": {{"next": "{other.url}/wiki/x"}}}}'
        server.answering = lambda asked: Reply(body=link.encode())
        with pytest.raises(InputError, match="not its own"):
            snapshot(config(server), tmp_path)
        assert other.asked == []
