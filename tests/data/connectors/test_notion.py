"""Pages over Notion's API, against a server written from its description; never run against the real one."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.core.fetch import Network
from ingot.core.secrets import offer_environment
from ingot.data.connectors.notion import Config, Connector
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot
from tests.data.connectors.notion_workspace import NotionWorkspace
from tests.data.connectors.reading import texts
from tests.data.connectors.web_server import Reply, WebServer

LOOPBACK = Network(networks=("127.0.0.0/8",), tries=1)


@pytest.fixture
def workspace() -> NotionWorkspace:
    made = NotionWorkspace()
    made.put("aa-1", "Leave", "one", "with more", "three")
    made.put("bb-2", "Travel", "by train")
    made.put("cc-3", "Old", "gone", in_trash=True)
    return made


@pytest.fixture
def server(workspace: NotionWorkspace) -> Iterator[WebServer]:
    offer_environment({"NOTION_SECRET": "hunter2"})
    with WebServer(workspace) as running:
        yield running
    offer_environment({})


def config(server: WebServer, **options: Any) -> Config:
    return Config(**{"credential": "env:NOTION_SECRET", "url": server.url, "network": LOOPBACK, **options})


def snapshot(chosen: Config, cache: Path) -> Snapshot:
    return Connector(chosen, cache).snapshot()


def blocks_of(server: WebServer) -> set[str]:
    """Return the pages whose blocks were asked for, and forget what was asked."""
    found = {asked.path.split("/")[3].partition("_")[0] for asked in server.asked if "/blocks/" in asked.path}
    server.asked.clear()
    return found


def test_pages_become_markdown(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server, rights=Rights(access=("staff",))), tmp_path)
    assert texts(found) == {
        "aa1": "# Leave\n\none\n\nwith more\n\ninside 1\n\nthree\n",
        "bb2": "# Travel\n\nby train\n",
    }
    first = found.items[0]
    assert (first.version, first.owner, first.media_type) == ("2026-11-02T10:00:00.000Z", "u1", "text/markdown")
    assert (first.access, first.meta["title"], first.modified) == (("staff",), "Leave", 1793613600.0)


def test_only_edited_pages_are_read(server: WebServer, workspace: NotionWorkspace, tmp_path: Path) -> None:
    before = snapshot(config(server), tmp_path)
    assert blocks_of(server) == {"aa-1", "bb-2"}
    assert snapshot(config(server), tmp_path) == before
    assert blocks_of(server) == set()
    workspace.put("bb-2", "Travel", "by bicycle", edited="2026-11-03T10:00:00.000Z")
    del workspace.pages["aa-1"]
    found = snapshot(config(server), tmp_path)
    assert blocks_of(server) == {"bb-2"}
    assert texts(found) == {"bb2": "# Travel\n\nby bicycle\n"}
    assert found.vanished == (("aa1", "2026-11-02T10:00:00.000Z"),)


def test_a_page_that_was_just_edited_is_read_once_more(
    server: WebServer, workspace: NotionWorkspace, tmp_path: Path
) -> None:
    now = datetime.datetime.now(datetime.UTC).isoformat()
    workspace.put("bb-2", "Travel", "first word", edited=now)
    snapshot(config(server), tmp_path)
    blocks_of(server)
    workspace.put("bb-2", "Travel", "second word", edited=now)
    assert texts(snapshot(config(server), tmp_path))["bb2"] == "# Travel\n\nsecond word\n"
    assert blocks_of(server) == {"bb-2"}


def test_an_interrupted_snapshot_goes_on_where_it_stopped(
    server: WebServer, workspace: NotionWorkspace, tmp_path: Path
) -> None:
    whole = workspace.__call__
    server.answering = lambda asked: Reply(502) if "/blocks/bb-2" in asked.path else whole(asked)
    found = snapshot(config(server), tmp_path)
    assert [item.uri for item in found.items] == ["aa1"]
    assert "502" in dict(found.skipped)["bb2"]
    blocks_of(server)
    server.answering = whole
    assert len(snapshot(config(server), tmp_path).items) == 2
    assert blocks_of(server) == {"bb-2"}


def test_the_secret_is_sent_and_not_kept(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server), tmp_path)
    assert "hunter2" not in repr(found.as_literals())
    assert b"hunter2" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    offer_environment({"NOTION_SECRET": "wrong"})
    with pytest.raises(InputError) as caught:
        snapshot(config(server), tmp_path)
    assert "not accepted" in caught.value.why


def test_other_answers_than_described_are_errors_in_words(server: WebServer, tmp_path: Path) -> None:
    for body in (b"[]", b"{}", b'{"results": [{"object": "page"}]}', b"<html>"):
        server.answering = lambda asked, body=body: Reply(body=body)
        with pytest.raises(InputError) as caught:
            snapshot(config(server), tmp_path)
        assert "the service" in caught.value.what
