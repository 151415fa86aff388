from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.flow.home import Home
from ingot.registry.files import FileStore
from tests.registry.made import add


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    home = Home(tmp_path / "home")
    for name in ("acme", "acme", "other"):
        add(home, name)
    add(home, "acme-dataset", "Dataset")
    return FileStore(home)


def test_only_models_are_listed(store: FileStore) -> None:
    assert [model.reference for model in store.models()] == ["acme@1", "acme@2", "other@1"]


def test_a_name_is_its_newest_version(store: FileStore) -> None:
    assert store.get("acme").version == 2
    assert store.get("acme@1").version == 1


def test_a_model_made_a_moment_ago_is_found(store: FileStore) -> None:
    add(store.home, "acme")
    assert store.get("acme").version == 3


def test_an_unknown_name_is_answered_with_the_nearest(store: FileStore) -> None:
    with pytest.raises(UsageError) as caught:
        store.get("acne")
    assert caught.value.fix == "did you mean 'acme'?"
    with pytest.raises(UsageError) as caught:
        store.get("zzz")
    assert caught.value.fix == "choose one of: acme, other"


@pytest.mark.parametrize("reference", ["acme@7", "acme@", "acme@x"])
def test_an_unknown_version_is_answered_with_those_there_are(store: FileStore, reference: str) -> None:
    with pytest.raises(UsageError, match="no model") as caught:
        store.get(reference)
    assert caught.value.fix == "its versions: acme@1, acme@2"


def test_what_is_no_model_is_said(store: FileStore) -> None:
    with pytest.raises(UsageError, match="is a Dataset, not a model"):
        store.get("acme-dataset")


def test_an_empty_home_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        FileStore(Home(tmp_path / "nothing")).get("acme")
    assert "ingot build" in caught.value.fix


def test_a_changed_file_is_found(store: FileStore) -> None:
    model = store.get("acme")
    store.verify(model)
    (model.path / "model.safetensors").write_bytes(b"Weights")
    with pytest.raises(InputError, match=r"acme@2 is damaged: model\.safetensors"):
        store.verify(model)
