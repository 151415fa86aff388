from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
import torch

from ingot.cli.main import run
from ingot.flow.home import Home
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.train import learn, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as it lies in a download cache: links, and folders beside the files."""
    torch.manual_seed(0)
    model, blobs = tmp_path / "snapshot", tmp_path / "blobs"
    save(Decoder(ModelConfig(512, 32, 1, 2, 1, 16, 64, context=64)), blobs, SpecialTokens(0, (1,), 2))
    write(learn([inspect.getsource(json)], 512), blobs)
    (model / "original").mkdir(parents=True)
    (model / "original/config.json").write_text("{}")
    for path in blobs.iterdir():
        (model / path.name).symlink_to(path)
    return model


def test_a_folder_becomes_a_checkpoint_of_the_home(
    folder: Path, ingot_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", str(folder), "--name", "general"]) == 0
    assert "general@1" in capsys.readouterr().out
    made = Home(ingot_home).get("general")
    assert made.kind == "Checkpoint"
    assert torch.equal(load(made.path).embed_tokens.weight, load(folder).embed_tokens.weight)
    assert run(["import", str(folder), "--name", "general", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["artifact"], summary["layout"]) == ("general@1", "qwen3")


def test_what_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", str(tmp_path / "nowhere"), "--name", "general"]) == 3
    assert "there is no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(["import", str(tmp_path / "empty"), "--name", "general"]) != 0
