"""Checkpoints in a real S3-protocol server: another machine goes on from them, a dead store costs a warning."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch
import yaml

from ingot.core.errors import InputError, StepError
from ingot.core.fetch import Network
from ingot.core.secrets import offer_environment
from ingot.data.object_store import Address, ObjectStore
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.step import StepContext
from ingot.train.checkpoint import MANIFEST
from ingot.train.copies import CURVE, FILE, open_checkpoints
from ingot.train.parallel.ranks import Ranks
from ingot.train.run import pretrain
from tests.data.connectors.object_store import REGION, ObjectServer
from tests.train.small import Told, context, settings
from tests.train.test_run import made

Inputs = Mapping[str, Artifact]
CONFIG = settings(steps=9, checkpoint_every=3)
LOOPBACK = Network(networks=("127.0.0.0/8",), tries=1)


@pytest.fixture
def store() -> Iterator[ObjectServer]:
    offer_environment({"STORE_KEY": "mine", "STORE_SECRET": "hunter2"})
    with ObjectServer() as running:
        yield running
    offer_environment({})


def home(path: Path, store: ObjectServer) -> Path:
    """Write a home folder's settings; return the work folder of a training."""
    path.mkdir()
    keys = {"access_key_id": "env:STORE_KEY", "secret_access_key": "env:STORE_SECRET"}
    network = {"networks": ["127.0.0.0/8"], "tries": 1}
    address = {"url": "s3://docs/kept", "endpoint": store.url, "region": REGION, "credentials": keys}
    (path / FILE).write_text(yaml.safe_dump({**address, "network": network}))
    return path / "work" / "acme.0123"


def names(store: ObjectServer) -> list[str]:
    keys = {"access_key_id": "env:STORE_KEY", "secret_access_key": "env:STORE_SECRET"}
    there = ObjectStore(Address("s3://docs/kept", store.url, REGION, credentials=keys, network=LOOPBACK))
    with there.opened():
        return sorted(name for each in there.list() if not (name := there.name_of(each["path"])).endswith(CURVE))


def save(folder: Path, told: Told, *steps: int) -> None:
    checkpoints = open_checkpoints(folder / "checkpoints", 2, told, Ranks(), 0)
    for step in steps:
        assert checkpoints.save(step, {"weight": torch.full((64, 8), float(step))}, {"step": step})
    checkpoints.close()


def test_the_store_holds_what_the_folder_holds(store: ObjectServer, tmp_path: Path) -> None:
    folder, told = home(tmp_path / "home", store), Told()
    save(folder, told, 1, 2, 3)
    files = ("manifest.json", "state.json", "state.safetensors")
    assert names(store) == [f"acme.0123/step-0000000{step}/{file}" for step in (2, 3) for file in files]
    assert told.of("warning") == []
    assert not list((folder / "checkpoints").glob(".*"))
    written = [path for method, path, _ in store.asked if method == "PUT"]
    assert written[-1].endswith(MANIFEST)
    store.asked.clear()
    save(folder, told, 4)
    assert all("step-00000004" in path for method, path, _ in store.asked if method == "PUT")


def test_another_machine_goes_on_from_them_with_the_same_bits(
    store: ObjectServer, inputs: Inputs, tmp_path: Path
) -> None:
    class Lost(Exception):
        pass

    def lose(kind: str, /, **fields: object) -> None:
        if kind == "metric" and fields["at_step"] == 7:
            raise Lost

    frequent = settings(**{**_changes(CONFIG), "evaluate_every": 1, "hooks": (f"{__name__}:nothing",)})
    pretrain(frequent, inputs, context(tmp_path / "unbroken"))
    first, second = home(tmp_path / "first", store), home(tmp_path / "second", store)
    given = context(first)
    with pytest.raises(Lost):
        pretrain(frequent, inputs, StepContext(given.folder, given.scratch, 1, lose))
    shutil.rmtree(tmp_path / "first")
    told = Told()
    pretrain(frequent, inputs, context(second, told))
    assert "brought 2 checkpoints from s3://docs/kept/acme.0123, the newest step-00000006" in told.of("note")[0]["text"]
    assert any("going on from step 6" in note["text"] for note in told.of("note"))
    assert made(second) == made(tmp_path / "unbroken")
    assert any("step-00000009" in name for name in names(store))  # copies stay
    pretrain(frequent, inputs, context(home(tmp_path / "third", store)))
    assert made(Home(tmp_path / "third").work_path / "acme.0123") == made(second)


def nothing(decoder: object, step: int, inputs: Inputs, context: object) -> dict[str, float]:
    """A hook for these tests, so that every step is told."""
    return {"nothing": 0.0}


def _changes(config: object) -> dict[str, object]:
    return {name: value for name, value in vars(config).items() if name != "model"}


def damage(store: ObjectServer, step: int) -> None:
    store.put_bytes(f"kept/acme.0123/step-{step:08d}/state.safetensors", b"x" * (64 * 8 * 4 + 72))


def test_a_damaged_copy_is_not_used(store: ObjectServer, tmp_path: Path) -> None:
    save(home(tmp_path / "first", store), Told(), 1, 2)
    size = (Home(tmp_path / "first").work_path / "acme.0123/checkpoints/step-00000002/state.safetensors").stat().st_size
    store.put_bytes("kept/acme.0123/step-00000002/state.safetensors", b"x" * size)
    told, folder = Told(), home(tmp_path / "second", store)
    checkpoints = open_checkpoints(folder / "checkpoints", 2, told, Ranks(), 0)
    saved = checkpoints.newest()
    assert saved is not None
    assert saved.scalars == {"step": 1}
    assert "step-00000002 is damaged (state.safetensors is not what was written)" in told.of("warning")[0]["text"]
    store.put_bytes("kept/acme.0123/step-00000001/manifest.json", b"{")
    with pytest.raises(StepError, match="every copy") as raised:
        open_checkpoints(home(tmp_path / "third", store) / "checkpoints", 2, told, Ranks(), 0)
    assert FILE in raised.value.fix


def test_one_whose_manifest_is_not_there_was_never_whole(store: ObjectServer, tmp_path: Path) -> None:
    save(home(tmp_path / "first", store), Told(), 1, 2)
    store.remove("kept/acme.0123/step-00000002/manifest.json")
    checkpoints = open_checkpoints(home(tmp_path / "second", store) / "checkpoints", 2, Told(), Ranks(), 0)
    saved = checkpoints.newest()
    assert saved is not None
    assert saved.scalars == {"step": 1}


def test_own_checkpoints_come_first(store: ObjectServer, tmp_path: Path) -> None:
    save(home(tmp_path / "first", store), Told(), 1, 2)
    folder, told = home(tmp_path / "second", store), Told()
    shutil.copytree(
        Home(tmp_path / "first").work_path / "acme.0123/checkpoints/step-00000001",
        folder / "checkpoints" / "step-00000001",
    )
    saved = open_checkpoints(folder / "checkpoints", 2, told, Ranks(), 0).newest()
    assert saved is not None
    assert saved.scalars == {"step": 1}
    assert told.events == []


def test_a_store_that_refuses_costs_a_warning_and_is_tried_again(store: ObjectServer, tmp_path: Path) -> None:
    folder, told = home(tmp_path / "home", store), Told()
    save(folder, told, 1)
    store.fails = lambda method, path: method == "PUT"
    save(folder, told, 2)
    (warning,) = told.of("warning")
    assert "not copied to s3://docs/kept/acme.0123" in warning["text"]
    assert "tried again" in warning["text"]
    assert "hunter2" not in json.dumps(told.events)
    store.fails = lambda method, path: False
    save(folder, told, 3)
    assert {name.split("/")[1] for name in names(store)} == {"step-00000002", "step-00000003"}


def test_a_store_that_is_not_there(store: ObjectServer, tmp_path: Path) -> None:
    """With checkpoints of its own a training goes on; without, nobody knows what it would throw away."""
    folder, told = home(tmp_path / "home", store), Told()
    save(folder, told, 1)
    store.fails = lambda method, path: True
    save(folder, told, 2)
    assert len(told.of("warning")) == 1
    with pytest.raises(InputError, match="cannot be listed"):
        open_checkpoints(home(tmp_path / "other", store) / "checkpoints", 2, told, Ranks(), 0)


def test_what_a_rewind_left_behind_is_not_found_by_another_machine(store: ObjectServer, tmp_path: Path) -> None:
    folder = home(tmp_path / "home", store)
    checkpoints = open_checkpoints(folder / "checkpoints", 3, Told(), Ranks(), 0)
    for step in (1, 2, 3):
        checkpoints.save(step, {"weight": torch.full((64, 8), float(step))}, {"step": step})
    checkpoints.go_back(1)
    checkpoints.save(3, {"weight": torch.full((64, 8), 33.0)}, {"step": 3})
    checkpoints.close()
    saved = open_checkpoints(home(tmp_path / "other", store) / "checkpoints", 3, Told(), Ranks(), 0).newest()
    assert saved is not None
    assert (saved.tensors["weight"] == 33).all()


def test_without_settings_there_are_no_copies(tmp_path: Path) -> None:
    checkpoints = open_checkpoints(tmp_path / "home/folder/acme/checkpoints", 2, Told(), Ranks(), 0)
    assert type(checkpoints).__name__ == "Checkpoints"
