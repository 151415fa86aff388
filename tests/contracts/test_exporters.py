"""Every exporter, unlisted, writes its file whole or not at all, and changes nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.core.plugins import load, names
from tests.infer.tiny_model import make_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_model(tmp_path / "tiny")


@pytest.mark.parametrize("name", names("exporter"))
def test_it_writes_one_file_and_touches_no_other(name: str, folder: Path, tmp_path: Path) -> None:
    plugin = load("exporter", name)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    out = tmp_path / "out"
    out.mkdir()
    plugin.entry(folder, out / "model.bin", plugin.config_type())
    assert [path.name for path in out.iterdir()] == ["model.bin"]
    assert (out / "model.bin").stat().st_size > 10_000
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", names("exporter"))
def test_the_same_model_gives_the_same_bytes(name: str, folder: Path, tmp_path: Path) -> None:
    plugin = load("exporter", name)
    again = tmp_path / "again" / folder.name
    shutil.copytree(folder, again)
    plugin.entry(folder, tmp_path / "one", plugin.config_type())
    plugin.entry(again, tmp_path / "two", plugin.config_type())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("name", names("exporter"))
def test_a_model_it_cannot_express_leaves_no_file(name: str, folder: Path, tmp_path: Path) -> None:
    plugin = load("exporter", name)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "mamba"}))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match="mamba"):
        plugin.entry(folder, out / "model.bin", plugin.config_type())
    assert list(out.iterdir()) == []
