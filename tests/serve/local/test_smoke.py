"""A version that cannot answer is found before anybody asks it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from ingot.core.errors import InputError
from ingot.infer.engine import Stop
from ingot.infer.engines.torch import Config, Engine
from ingot.infer.sampling import SamplingParams
from ingot.infer.text import Token
from ingot.serve.local.smoke import smoke
from tests.serve.running import PacedEngine


def test_one_that_answers_passes(engine: PacedEngine) -> None:
    smoke(engine)


def test_ids_that_nobody_knows_are_noticed(engine: PacedEngine) -> None:
    class Wrong(PacedEngine):
        def __init__(self) -> None:
            self.codec, self.most_top_logprobs = engine.codec, 5

        def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
            yield Token(engine.codec.vocabulary + 1, "")

    with pytest.raises(InputError, match="no text"):
        smoke(Wrong())


def test_a_table_that_is_too_small_for_the_vocabulary_is_noticed(files: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "smaller"
    folder.mkdir()
    for name, path in files.items():
        shutil.copyfile(path, folder / name)
    weights = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    rows = config["vocab_size"] - 60
    tables = {name: value[:rows] for name, value in weights.items() if value.shape[0] == config["vocab_size"]}
    save_file({**weights, **tables}, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": rows}))
    with pytest.raises(InputError, match="vocabulary"):
        smoke(Engine(folder, Config()))
