from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ingot.cli.export import deliver
from ingot.cli.main import run
from ingot.core.errors import SpaceError
from ingot.flow.home import Home
from ingot.infer.config import ExportConfig
from tests.infer.tiny_model import make_model
from tests.registry.made import add


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def home(folder: Path, ingot_home: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with one model; what a certificate measures is kept short."""
    small = {"prompts": 2, "tokens": 8, "evaluated_tokens": 100, "tokenised_bytes": 20_000}
    monkeypatch.setattr("ingot.cli.export.ExportConfig", lambda to, type: ExportConfig(to, type, **small))
    home = Home(ingot_home)
    add(home, "acme", "Model", {path.name: path for path in folder.iterdir()}, {})
    return home


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_export_deliver_verify_and_measure_again(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "delivered"
    assert run(["export", "acme", "--to", "gguf", "--type", "q8_0", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "acme-gguf-q8_0@1" in shown
    assert "llama.cpp" in shown
    made = home.get("acme-gguf-q8_0")
    assert made.record.inputs == {"model": "acme@1"}
    assert {path.name for path in out.iterdir()} == {"acme-q8_0.gguf", "certificate.json", "record.json"}

    assert run(["lineage", "acme", "--down"]) == 0
    assert "acme-gguf-q8_0@1" in capsys.readouterr().out
    assert run(["verify", "acme", "--again", "--json"]) == 0
    found = lines(capsys.readouterr().out)
    assert {one["of"] for one in found} == {"acme@1", "acme-gguf-q8_0@1"}
    assert all(one["holds"] for one in found)
    assert found[-1]["what"] == "it answers like the trained model"

    assert run(["export", "acme", "--to", "gguf", "--type", "q8_0", "--json"]) == 0
    summary = lines(capsys.readouterr().out)[-1]
    assert (summary["kind"], summary["artifact"]) == ("summary", "acme-gguf-q8_0@1")
    assert summary["folder"] == str(made.path)

    assert run(["verify", str(out)]) == 0
    (out / "acme-q8_0.gguf").write_bytes(b"not it")
    assert run(["verify", str(out)]) == 3
    told = capsys.readouterr()
    assert "is not what was certified" in told.err
    assert "NO" in told.out


def test_mistakes_are_said_before_any_work(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(home, "acme-dataset", "Dataset", {}, {})
    for arguments, code, says in (
        (["export", "acme", "--to", "ggfu"], 2, "did you mean 'gguf'"),
        (["export", "acme", "--to", "gguf", "--type", "q9"], 2, "no type 'q9'"),
        (["export", "amce", "--to", "gguf"], 2, "did you mean 'acme'"),
        (["export", "acme-dataset", "--to", "gguf"], 3, "cannot be exported"),
        (["export", "acme", "--to", "gguf", "--out", str(tmp_path)], 2, "something at this place"),
        (["export", "acme", "--to", "gguf", "--out", str(tmp_path / "a" / "b")], 2, "mkdir -p"),
        (["verify", str(tmp_path)], 3, "neither a record nor a certificate"),
        (["verify", "amce"], 2, "did you mean 'acme'"),
        (["verify", "./acme-q8"], 2, "there is nothing at this path"),
    ):
        assert run(arguments) == code, arguments
        assert says in capsys.readouterr().err
    assert not home.versions("acme-gguf-q9")
    assert not (home.runs_path.exists() and list(home.runs_path.iterdir()))


def test_a_copy_appears_whole_or_not_at_all(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: str, target: str, **more: Any) -> None:
        Path(target).mkdir()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(shutil, "copytree", full)
        with pytest.raises(SpaceError):
            deliver(home.get("acme"), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["ingot-home"]
    (tmp_path / f".out.{0}.tmp").mkdir()  # what a run that was killed left is in nobody's way
    assert deliver(home.get("acme"), tmp_path / "out").is_dir()
