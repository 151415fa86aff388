"""Writing, reading in parts and removing, against a real S3-protocol server; the connector's tests have the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.fetch import Network
from ingot.core.secrets import offer_environment
from ingot.data import object_store
from ingot.data.object_store import Address, ObjectStore
from tests.data.connectors.object_store import REGION, ObjectServer

KEYS = {"access_key_id": "env:STORE_KEY", "secret_access_key": "env:STORE_SECRET"}


@pytest.fixture
def server() -> Iterator[ObjectServer]:
    offer_environment({"STORE_KEY": "mine", "STORE_SECRET": "hunter2"})
    with ObjectServer() as running:
        yield running
    offer_environment({})


def at(server: ObjectServer, url: str = "s3://docs/below/here", *networks: str) -> Address:
    network = Network(networks=networks or ("127.0.0.0/8",), tries=1)
    return Address(url, server.url, REGION, credentials=KEYS, network=network)


def test_a_large_file_goes_in_parts_and_comes_back(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "_PART_BYTES", 5 << 20)  # the least a store takes
    content = hashlib.shake_256(b"seed").digest(11 << 20)
    (tmp_path / "large").write_bytes(content)
    store = ObjectStore(at(server))
    with store.opened():
        store.put("folder/large", tmp_path / "large")
        store.put("folder/small", b"few")
        (large, small) = store.list("folder")
        assert [store.name_of(each["path"]) for each in (large, small)] == ["folder/large", "folder/small"]
        parts = list(store.read("folder/large", large["size"]))
        assert [len(part) for part in parts] == [5 << 20, 5 << 20, 1 << 20]
        assert b"".join(parts) == content
        assert list(store.read("folder/small", 3)) == [b"few"]
        store.delete(["folder/large", "folder/never"])
        assert [store.name_of(each["path"]) for each in store.list()] == ["folder/small"]
    assert all(path.startswith("/docs/below/here/") for method, path, _ in server.asked if method == "PUT")


def test_what_is_refused_is_said_in_words(server: ObjectServer) -> None:
    server.fails = lambda method, path: method == "PUT"
    store = ObjectStore(at(server))
    with store.opened(), pytest.raises(InputError, match="cannot be written") as raised, store.in_words("written"):
        store.put("a", b"b")
    assert "s3://docs" in raised.value.where
    guarded = ObjectStore(at(server, "s3://docs", "10.0.0.0/8"))
    with guarded.opened(), pytest.raises(InputError, match="not fetched"), guarded.in_words("listed"):
        list(guarded.list())
    with pytest.raises(UsageError, match="not the address of a bucket"):
        ObjectStore(at(server, "ftp://docs"))
