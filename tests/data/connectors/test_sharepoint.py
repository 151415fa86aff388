"""A library over Microsoft Graph, against a server written from its description; never run against the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.fetch import Network
from ingot.core.secrets import offer_environment
from ingot.data.connectors.sharepoint import Config, Connector
from ingot.flow.source import Snapshot
from tests.data.connectors.graph_site import GraphSite, group, link, person
from tests.data.connectors.reading import texts
from tests.data.connectors.web_server import WebServer

LOOPBACK = Network(networks=("127.0.0.0/8",), tries=1)


@pytest.fixture
def site() -> GraphSite:
    made = GraphSite()
    made.folder("f1", "Policies")
    made.file("a", "leave.txt", "thirty", "f1")
    made.file("b", "plan.txt", "plan")
    made.share("a", group("HR Members"), person("ada"))
    return made


@pytest.fixture
def server(site: GraphSite) -> Iterator[WebServer]:
    offer_environment({"GRAPH_SECRET": "hunter2"})
    with WebServer(site) as running:
        site.url = running.url
        yield running
    offer_environment({})


def config(server: WebServer, **options: Any) -> Config:
    usual = {
        **{"site": "acme.sharepoint.com:/sites/HR", "tenant": "acme", "client_id": "c1"},
        **{"credential": "env:GRAPH_SECRET", "graph": f"{server.url}/v1.0", "login": server.url, "network": LOOPBACK},
    }
    return Config(**{**usual, **options})


def snapshot(chosen: Config, cache: Path) -> Snapshot:
    return Connector(chosen, cache).snapshot()


def fetched(server: WebServer) -> list[str]:
    """Return the ids of the files whose content was asked for, and forget what was asked."""
    found = [asked.path.split("/")[5] for asked in server.asked if asked.path.endswith("/content")]
    server.asked.clear()
    return found


def test_files_come_with_path_version_and_people(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server), tmp_path)
    assert texts(found) == {"Policies/leave.txt": "thirty", "plan.txt": "plan"}
    first, second = found.items
    assert (first.version, first.owner, first.modified) == ("a,1", "Ada", 1793613600.0)
    assert (first.access, second.access) == (("group:HR Members", "user:ada@example.org"), ())
    assert snapshot(config(server, library="Documents"), tmp_path / "2").digest == found.digest


def test_only_what_the_delta_names_is_read(server: WebServer, site: GraphSite, tmp_path: Path) -> None:
    before = snapshot(config(server), tmp_path)
    assert fetched(server) == ["a", "b"]
    assert snapshot(config(server), tmp_path) == before
    asked = [each.path.partition("?")[0] for each in server.asked]
    assert asked == [
        "/acme/oauth2/v2.0/token",
        "/v1.0/sites/acme.sharepoint.com:/sites/HR",
        "/v1.0/sites/s1/drive",
        "/v1.0/drives/d1/{}/delta".format("root"),
    ]
    server.asked.clear()
    site.file("b", "plan.txt", "another")
    site.file("c", "new.txt", "new", "f1")
    site.delete("a")
    found = snapshot(config(server), tmp_path)
    assert fetched(server) == ["b", "c"]
    assert texts(found) == {"Policies/new.txt": "new", "plan.txt": "another"}
    assert found.vanished == (("Policies/leave.txt", "a,1"),)
    assert sorted(path.read_bytes() for path in tmp_path.rglob("bytes/*/*")) == [b"another", b"new"]


def test_a_change_of_sharing_is_heard_without_reading_again(server: WebServer, site: GraphSite, tmp_path: Path) -> None:
    snapshot(config(server), tmp_path)
    fetched(server)
    site.share("b", link("organization"))
    site.share("f1")
    site.permissions["a"] = [person("grace")]  # inherited from the folder: only that is named
    found = snapshot(config(server), tmp_path)
    assert {item.uri: item.access for item in found.items} == {
        "Policies/leave.txt": ("user:grace@example.org",),
        "plan.txt": ("everybody:organization",),
    }
    assert fetched(server) == []


def test_a_renamed_folder_renames_what_is_in_it(server: WebServer, site: GraphSite, tmp_path: Path) -> None:
    snapshot(config(server), tmp_path)
    site.rename("f1", "Rules")
    found = snapshot(config(server), tmp_path)
    assert sorted(texts(found)) == ["Rules/leave.txt", "plan.txt"]
    assert [uri for uri, _ in found.vanished] == ["Policies/leave.txt"]


def test_a_link_that_is_too_old_lists_everything_and_reads_nothing_twice(
    server: WebServer, site: GraphSite, tmp_path: Path
) -> None:
    before = snapshot(config(server), tmp_path)
    fetched(server)
    site.lost_links = True
    assert snapshot(config(server), tmp_path).digest == before.digest
    assert fetched(server) == []


def test_content_comes_from_the_sites_own_host_only(server: WebServer, site: GraphSite, tmp_path: Path) -> None:
    with WebServer(site) as storage:
        site.storage = storage.url
        with pytest.raises(InputError) as caught:
            snapshot(config(server), tmp_path)
        assert "not among the allowed hosts" in caught.value.why
        assert "tempauth" not in str(caught.value)
        network = Network((storage.host,), ("127.0.0.0/8",))
        assert len(snapshot(config(server, network=network), tmp_path).items) == 2
        assert all("authorization" not in asked.headers for asked in storage.asked)


def test_a_file_that_failed_is_read_the_next_time(server: WebServer, site: GraphSite, tmp_path: Path) -> None:
    small = Network(networks=LOOPBACK.networks, most_bytes=5)
    found = snapshot(config(server, network=small), tmp_path)
    assert [item.uri for item in found.items] == ["plan.txt"]
    assert "too large" in dict(found.skipped)["Policies/leave.txt"]
    fetched(server)
    assert len(snapshot(config(server), tmp_path).items) == 2
    assert fetched(server) == ["a"]


def test_without_permissions_nobody_is_asked(server: WebServer, tmp_path: Path) -> None:
    snapshot(config(server, permissions=False), tmp_path)
    assert not any("permissions" in asked.path for asked in server.asked)


def test_the_secret_is_sent_to_the_login_and_not_kept(server: WebServer, tmp_path: Path) -> None:
    found = snapshot(config(server), tmp_path)
    assert "hunter2" not in repr(found.as_literals())
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hunter2" not in written
    assert b"token-of-an-hour" not in written
    assert [asked.path for asked in server.asked if b"hunter2" in asked.body] == ["/acme/oauth2/v2.0/token"]
    offer_environment({"GRAPH_SECRET": "wrong"})
    with pytest.raises(InputError) as caught:
        snapshot(config(server), tmp_path)
    assert "not accepted" in caught.value.why


def test_a_mistake_is_named(server: WebServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no library 'Papers'"):
        snapshot(config(server, library="Papers"), tmp_path)
    with pytest.raises(UsageError, match="site is not named"):
        Connector(config(server, site="https://acme.sharepoint.com/sites/HR"), tmp_path)
