"""Objects of a real S3-protocol server: fetched once, fetched again when they change, and through the guard only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import IngotError, InputError, MissingExtraError, UsageError
from ingot.core.fetch import Network
from ingot.core.secrets import offer_environment
from ingot.data.connectors.objects import Config, Connector
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot
from tests.data.connectors.object_store import REGION, ObjectServer
from tests.data.connectors.reading import texts
from tests.data.connectors.web_server import Reply, WebServer

LOOPBACK = Network(networks=("127.0.0.0/8",), tries=1)
KEYS = {"access_key_id": "env:STORE_KEY", "secret_access_key": "env:STORE_SECRET"}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectServer]:
    offer_environment({"STORE_KEY": "mine", "STORE_SECRET": "hunter2"})
    with ObjectServer() as running:
        running.put(a="one", deep__b="two")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-the-machine")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-machine")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-machine")
        monkeypatch.setenv("AWS_REQUEST_PAYER", "requester")
        for name in ("HTTP_PROXY", "http_proxy", "AWS_PROXY_URL"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        yield running
    offer_environment({})


def config(store: ObjectServer, **options: Any) -> Config:
    usual = {"endpoint": store.url, "region": REGION, "credentials": KEYS, "network": LOOPBACK}
    return Config(**{"url": "s3://docs", **usual, **options})


def snapshot(chosen: Config, cache: Path) -> Snapshot:
    return Connector(chosen, cache).snapshot()


def test_objects_are_listed_with_what_the_store_knows(store: ObjectServer, tmp_path: Path) -> None:
    found = snapshot(config(store, rights=Rights(owner="legal")), tmp_path)
    assert texts(found) == {"a.txt": "one", "deep/b.txt": "two"}
    first = found.items[0]
    assert (first.version, first.region, first.owner) == ("f97c5d29941bfb1b2fdab0874906ab82", REGION, "legal")
    assert first.modified > 1_000_000_000


def test_only_what_changed_is_fetched_again(store: ObjectServer, tmp_path: Path) -> None:
    before = snapshot(config(store), tmp_path)
    assert store.fetched() == ["a.txt", "deep/b.txt"]
    assert snapshot(config(store), tmp_path) == before
    assert store.fetched() == []
    store.put(a="three", c="four")
    store.remove("deep/b.txt")
    found = snapshot(config(store), tmp_path)
    assert store.fetched() == ["a.txt", "c.txt"]
    assert texts(found) == {"a.txt": "three", "c.txt": "four"}
    assert found.vanished == (("deep/b.txt", "b8a9f715dbb64fd5c56e7783c6820a61"),)
    copies = [path.read_bytes() for path in (tmp_path / "sources").rglob("bytes/*/*")]
    assert sorted(copies) == [b"four", b"three"]  # neither what is gone nor what was before


def test_an_interrupted_snapshot_goes_on_where_it_stopped(store: ObjectServer, tmp_path: Path) -> None:
    store.put(**{f"n{number}": f"text {number}" for number in range(20)})
    store.fails = lambda method, path: len(store.asked) > 12
    found = snapshot(config(store), tmp_path)
    done = {item.uri for item in found.items}
    assert 0 < len(done) < 22
    assert len(found.skipped) == 22 - len(done)
    assert found.vanished == ()
    store.fails = lambda method, path: False
    store.asked.clear()
    assert len(snapshot(config(store), tmp_path).items) == 22
    assert not done & set(store.fetched())


def test_a_prefix_and_patterns_choose(store: ObjectServer, tmp_path: Path) -> None:
    store.put(deep__c="three")
    assert list(texts(snapshot(config(store, url="s3://docs/deep"), tmp_path))) == ["deep/b.txt", "deep/c.txt"]
    chosen = config(store, include=("*.txt",), exclude=("*/c.txt",))
    assert list(texts(snapshot(chosen, tmp_path))) == ["a.txt", "deep/b.txt"]


def test_a_name_without_an_ending_has_the_type_the_store_says(store: ObjectServer, tmp_path: Path) -> None:
    store.put_bytes("page", b"<p>text", "text/html; charset=utf-8")
    found = {item.uri: item.media_type for item in snapshot(config(store), tmp_path).items}
    assert found == {"a.txt": None, "deep/b.txt": None, "page": "text/html"}


def test_too_large_an_object_is_left_where_it_is(store: ObjectServer, tmp_path: Path) -> None:
    store.put_bytes("large.bin", bytes(2000))
    found = snapshot(config(store, network=replace(LOOPBACK, most_bytes=1000)), tmp_path)
    assert found.skipped == (("large.bin", "it is larger than 1 kB"),)
    assert "large.bin" not in store.fetched()


def test_nothing_of_the_environment_is_used(store: ObjectServer, tmp_path: Path) -> None:
    snapshot(config(store), tmp_path)
    sent = " ".join(f"{name}: {value}" for _, _, headers in store.asked for name, value in headers.items())
    assert "Credential=mine/" in sent
    assert "machine" not in sent
    assert "payer" not in sent
    assert os.environ["HTTP_PROXY"]  # it would have led nowhere


def test_without_credentials_requests_are_anonymous(store: ObjectServer, tmp_path: Path) -> None:
    with pytest.raises(InputError):  # moto lets nobody read what was not made public
        snapshot(config(store, credentials={}), tmp_path)
    assert not any("authorization" in headers for _, _, headers in store.asked)


def test_no_credential_reaches_what_is_written(store: ObjectServer, tmp_path: Path) -> None:
    found = snapshot(config(store), tmp_path)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hunter2" not in written
    assert "hunter2" not in repr(found.as_literals())


def test_a_store_on_a_private_address_must_be_allowed(store: ObjectServer, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        snapshot(config(store, network=Network()), tmp_path)
    assert "not a public address" in caught.value.why
    assert store.asked == []


def test_a_redirect_leads_nowhere_else(tmp_path: Path) -> None:
    with WebServer(lambda asked: Reply(200, b"<ListBucketResult></ListBucketResult>")) as inside:
        away = Reply(307, headers={"Location": f"http://localhost:{inside.port}/docs?list-type=2"})
        with WebServer(lambda asked: away) as outside, pytest.raises(InputError):
            snapshot(Config("s3://docs", endpoint=outside.url, region=REGION, network=LOOPBACK), tmp_path)
        assert inside.asked == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "docs"}, "not the address of a bucket"),
        ({"url": "s3://"}, "not the address of a bucket"),
        ({"url": "s3://key:hunter2@docs"}, "not the address of a bucket"),
        ({"url": "az://docs"}, "account"),
        ({"region": "", "endpoint": ""}, "region"),
        ({"credentials": {"acces_key": "env:STORE_KEY"}}, "unknown credential"),
        ({"credentials": {"secret_access_key": "hunter2"}}, "given by name"),
    ],
)
def test_a_mistake_is_named_before_anything_is_asked(
    store: ObjectServer, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        Connector(config(store, **options), tmp_path)
    assert "hunter2" not in str(caught.value)
    assert store.asked == []


def test_a_bucket_that_is_not_there_says_so(store: ObjectServer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed") as caught:
        snapshot(config(store, url="s3://nothing"), tmp_path)
    assert "404" in caught.value.why


AZURE_LIST = b"""<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="docs"><Blobs><Blob>
<Name>a.txt</Name><Properties><Last-Modified>Mon, 02 Nov 2026 10:00:00 GMT</Last-Modified><Etag>"0x1"</Etag>
<Content-Length>3</Content-Length><Content-Type>text/plain</Content-Type><BlobType>BlockBlob</BlobType></Properties>
</Blob></Blobs><NextMarker /></EnumerationResults>"""
GOOGLE_LIST = b"""<?xml version="1.0"?><ListBucketResult><Name>docs</Name><IsTruncated>false</IsTruncated><Contents>
<Key>a.txt</Key><LastModified>2026-11-02T10:00:00.000Z</LastModified><ETag>"0x1"</ETag><Size>3</Size></Contents>
</ListBucketResult>"""
STAMPS = {"ETag": '"0x1"', "Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT", "x-ms-blob-type": "BlockBlob"}


@pytest.mark.parametrize(
    ("url", "listing", "credentials", "sent"),
    [
        ("az://docs", AZURE_LIST, {"access_key": "aHVudGVyMg=="}, "SharedKey acme:"),
        ("az://docs", AZURE_LIST, {"sas_token": "sv=1&sig=hunter2"}, "sig=hunter2"),
        ("az://docs", AZURE_LIST, {}, ""),
        ("gs://docs", GOOGLE_LIST, {"token": "hunter2"}, "Bearer hunter2"),
        ("gs://docs", GOOGLE_LIST, {}, ""),
    ],
    ids=["azure key", "azure signature", "azure anonymous", "google token", "google anonymous"],
)
def test_the_other_clouds_are_asked_in_their_way(
    tmp_path: Path, url: str, listing: bytes, credentials: dict[str, str], sent: str
) -> None:
    """Against answers written from the vendors' published API descriptions; never run against the real services."""
    offer_environment(dict(credentials))
    references = {name: f"env:{name}" for name in credentials}
    with WebServer(
        lambda asked: Reply(200, listing if asked.path.partition("?")[0] == "/docs" else b"one", STAMPS)
    ) as server:
        chosen = Config(url, server.url, account="acme", credentials=references, network=LOOPBACK)
        found = snapshot(chosen, tmp_path)
        assert texts(found) == {"a.txt": "one"}
        assert found.items[0].version == "0x1"
        asked = len(server.asked)
        assert snapshot(chosen, tmp_path) == found
        assert len(server.asked) == asked + 1
        seen = " ".join(f"{each.path} {each.headers.get('authorization', '')}" for each in server.asked)
        assert sent in seen
    offer_environment({})


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(IngotError) as caught:
        Connector(Config("s3://docs", region=REGION), tmp_path)
    assert isinstance(caught.value, MissingExtraError)
    assert "ingot[objects]" in caught.value.fix
