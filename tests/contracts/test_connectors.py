"""Every connector, unlisted, takes a snapshot that names its contents, and opens what it named."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.core.plugins import load, names

CONNECTORS = names("connector")


def config_for(name: str, place: Path) -> Any:
    """Point a connector at a folder of this machine; one that reads something else needs its own line here."""
    return load("connector", name).config_type(paths=(str(place),))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    (folder / "deep").mkdir(parents=True)
    (folder / "b.txt").write_text("second", encoding="utf-8")
    (folder / "a.txt").write_text("first", encoding="utf-8")
    (folder / "deep" / "ü.txt").write_text("third", encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", CONNECTORS)
def test_its_config_is_frozen(name: str) -> None:
    config_type = load("connector", name).config_type
    assert dataclasses.is_dataclass(config_type)
    assert config_type.__dataclass_params__.frozen


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_snapshot_names_every_item_once_in_order(name: str, place: Path) -> None:
    connector: Any = load("connector", name).entry(config_for(name, place))
    snapshot = connector.snapshot()
    uris = [item.uri for item in snapshot.items]
    assert snapshot.connector == name
    assert uris == ["a.txt", "b.txt", "deep/ü.txt"]
    assert snapshot.skipped == ()


@pytest.mark.parametrize("name", CONNECTORS)
def test_what_it_opens_is_what_it_hashed(name: str, place: Path) -> None:
    connector: Any = load("connector", name).entry(config_for(name, place))
    for item in connector.snapshot().items:
        with connector.open(item) as stream:
            payload = stream.read()
        assert len(payload) == item.bytes
        assert hashlib.sha256(payload).hexdigest() == item.sha256


@pytest.mark.parametrize("name", CONNECTORS)
def test_the_digest_follows_the_contents(name: str, place: Path, tmp_path: Path) -> None:
    entry: Any = load("connector", name).entry
    before = entry(config_for(name, place)).snapshot().digest
    assert entry(config_for(name, place)).snapshot().digest == before
    moved = place.rename(tmp_path / "elsewhere")
    assert entry(config_for(name, moved)).snapshot().digest == before
    (moved / "a.txt").write_text("other", encoding="utf-8")
    assert entry(config_for(name, moved)).snapshot().digest != before


@pytest.mark.parametrize("name", CONNECTORS)
def test_nothing_there_is_an_input_error_with_a_fix(name: str, tmp_path: Path) -> None:
    connector: Any = load("connector", name).entry(config_for(name, tmp_path / "nowhere"))
    with pytest.raises(InputError) as caught:
        connector.snapshot()
    assert caught.value.fix
