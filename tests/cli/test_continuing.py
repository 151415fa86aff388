"""From a folder with a model and a folder with documents to a model that knows both, by one command."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest
import torch

from ingot.cli.continuing import folder_of
from ingot.cli.main import run
from ingot.flow.home import Home
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, load, save
from ingot.model.decoder import Decoder
from ingot.tokenizer.train import learn, write


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    folder = tmp_path / "general"
    save(Decoder(ModelConfig(512, 32, 1, 2, 1, 16, 64, context=64)), folder, SpecialTokens(0, (1,), 2))
    write(learn([inspect.getsource(json)], 512), folder)
    return folder


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    new, old = tmp_path / "new", tmp_path / "old"
    for folder, word in ((new, "Zinsen"), (old, "interest")):
        folder.mkdir()
        for number in range(12):
            text = f"{word} {number}: " + " ".join(f"{word} {number * place}" for place in range(300))
            (folder / f"{number}.txt").write_text(text)
    return new, old


def test_a_model_goes_on_with_new_documents(
    model: Path, texts: tuple[Path, Path], ingot_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = texts
    command = ["continue", str(model), str(new), "--name", "bank", "--old", str(old), "--steps", "6", "--cores", "1"]
    assert run(command) == 0
    said = capsys.readouterr().out
    assert "bank@1 is ready." in said
    assert "the model it went on from" in said
    assert "on old text" in said
    home = Home(ingot_home)
    facts = home.get("bank-report").facts
    assert facts["bits_per_byte"] < facts["before_bits_per_byte"]
    assert load(home.get("bank").path).config.width == 32
    assert "gone on from an existing model" in (home.get("bank").path / "README.md").read_text()
    page = (home.get("bank-report").path / "report.html").read_text()
    assert "held-out text: old text" in page


def test_a_model_of_the_home_is_found_by_its_name(ingot_home: Path, model: Path) -> None:
    assert run(["import", str(model), "--name", "general"]) == 0
    home = Home(ingot_home)
    assert folder_of("general", home) == folder_of("general@1", home) == home.get("general").path
    assert folder_of(str(model), home) == model


def test_what_cannot_be_is_said(
    model: Path, texts: tuple[Path, Path], ingot_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new, _ = texts
    assert run(["continue", "nobody", str(new), "--name", "bank"]) == 2
    assert "there is no artifact named 'nobody'" in capsys.readouterr().err
    assert run(["continue", str(model), str(new), "--name", "bank", "--steps", "3", "--time", "1m"]) == 2
    assert "--time, --steps and --readings" in capsys.readouterr().err
