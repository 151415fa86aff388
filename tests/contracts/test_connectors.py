"""Every connector, unlisted, names what its source holds, opens it, reads it once, and marks what is gone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingot.core.config import literals
from ingot.core.config import load as load_config
from ingot.core.errors import InputError, UsageError
from ingot.core.plugins import load, names
from ingot.core.tables import parts, read_rows
from ingot.data.config import ReadConfig
from ingot.data.reading import read_documents
from ingot.data.rights import Rights
from ingot.flow.source import Snapshot, snapshot_from_literals
from ingot.flow.step import StepContext
from tests.data.connectors.places import SECRET, Place, config_of, place_of
from tests.data.connectors.reading import contents

CONNECTORS = names("connector")
TEXTS = {"b": "second text", "a": "first", "c": "the third text"}


@pytest.fixture(params=CONNECTORS)
def name(request: pytest.FixtureRequest) -> str:
    """One connector after the other; a new one needs a place in tests/data/connectors/places.py."""
    return str(request.param)


@pytest.fixture
def place(name: str, tmp_path: Path) -> Iterator[Place]:
    with place_of(name, tmp_path / "place") as made:
        yield made


def snapshot(name: str, place: Place, cache: Path) -> Snapshot:
    connector: Any = load("connector", name).entry(config_of(name, place), cache=cache)
    found: Snapshot = connector.snapshot()
    return found


def test_its_config_is_frozen_and_survives_a_recipe(name: str, place: Place) -> None:
    config = config_of(name, place)
    assert dataclasses.is_dataclass(config)
    assert type(config).__dataclass_params__.frozen
    written = json.loads(json.dumps(literals(config)))
    assert load_config(type(config), written, "here") == load_config(type(config), literals(config), "here")
    assert SECRET not in json.dumps(written)


def test_a_snapshot_names_every_item_once_and_opens_what_it_hashed(name: str, place: Place, tmp_path: Path) -> None:
    place.put(TEXTS)
    found = snapshot(name, place, tmp_path / "cache")
    uris = [item.uri for item in found.items]
    assert (found.connector, found.skipped, found.vanished) == (name, (), ())
    assert len(uris) == len(TEXTS)
    assert uris == sorted(set(uris))
    assert all(uri.isprintable() for uri in uris)
    read = contents(found)
    for item in found.items:
        assert len(read[item.uri]) == item.bytes
        assert hashlib.sha256(read[item.uri]).hexdigest() == item.sha256
    together = b"".join(read.values()).decode()
    assert all(text in together for text in TEXTS.values())
    assert snapshot_from_literals(json.loads(json.dumps(found.as_literals()))) == found


def test_what_changed_and_what_is_gone_is_seen(name: str, place: Place, tmp_path: Path) -> None:
    place.put(TEXTS)
    before = snapshot(name, place, tmp_path / "cache")
    assert snapshot(name, place, tmp_path / "cache") == before
    assert snapshot(name, place, tmp_path / "another").digest == before.digest
    place.put({"a": "first", "b": "another text now"})
    after = snapshot(name, place, tmp_path / "cache")
    hashes = {item.uri: item.sha256 for item in before.items}
    changed = [item.uri for item in after.items if hashes[item.uri] != item.sha256]
    assert (len(after.items), len(changed), len(after.vanished)) == (2, 1, 1)
    assert {uri for uri, _ in after.vanished} == set(hashes) - {item.uri for item in after.items}
    assert after.digest != before.digest
    assert snapshot(name, place, tmp_path / "cache") == after  # looking does not use up what is gone


def test_no_credential_and_nothing_that_is_gone_stays_in_the_cache(name: str, place: Place, tmp_path: Path) -> None:
    place.put(TEXTS)
    found = snapshot(name, place, tmp_path / "cache")
    place.put({"a": "first"})
    snapshot(name, place, tmp_path / "cache")
    written = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    assert SECRET.encode() not in written
    assert SECRET not in json.dumps(found.as_literals())
    assert TEXTS["c"].encode() not in written


def test_its_items_become_documents_with_their_terms(name: str, place: Place, tmp_path: Path) -> None:
    place.put(TEXTS)
    rights = Rights(owner="legal", licence="proprietary", access=("board",), retention="2030-01-01", region="eu")
    config = dataclasses.replace(config_of(name, place), rights=rights)
    connector: Any = load("connector", name).entry(config, cache=tmp_path / "cache")
    found: Snapshot = connector.snapshot()
    (tmp_path / "out").mkdir()
    context = StepContext(tmp_path / "out", tmp_path, 1, lambda kind, /, **fields: None)
    facts = read_documents({"documents": found}, ReadConfig(owner="it"), context)
    rows = list(read_rows(parts(tmp_path / "out", "documents")))
    assert (facts["failed"], len(rows)) == (0, len(TEXTS))
    assert all(any(text in row["text"] for row in rows) for text in TEXTS.values())
    items = {item.uri: item for item in found.items}
    for row in rows:
        item = items[row["uri"]]
        assert (row["owner"], row["licence"], row["retention"]) == (item.owner, "proprietary", "2030-01-01")
        assert (row["access"], row["version"], row["region"]) == (list(item.access), item.version, item.region)
        assert row["access"]
        assert row["region"]


def test_nothing_there_is_an_error_with_a_fix(name: str, place: Place, tmp_path: Path) -> None:
    place.put({})
    with pytest.raises(InputError) as caught:
        snapshot(name, place, tmp_path / "cache")
    assert caught.value.fix


def test_without_a_cache_it_works_or_says_so(name: str, place: Place) -> None:
    place.put(TEXTS)
    entry: Any = load("connector", name).entry
    if name == "folder":  # which keeps no copies
        assert len(entry(config_of(name, place)).snapshot().items) == len(TEXTS)
    else:
        with pytest.raises(UsageError, match="cache"):
            entry(config_of(name, place))


def test_the_documentation_has_an_example_of_every_connector() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/connectors.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(text)["documents"] for text in re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)]
    assert {block["connector"] for block in blocks} == set(CONNECTORS)
    for block in blocks:
        load_config(load("connector", block["connector"]).config_type, block["config"], block["connector"])
