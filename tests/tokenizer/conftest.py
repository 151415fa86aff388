"""One small vocabulary, learned from real text of this interpreter, shared by the tests of this folder."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write


@pytest.fixture(scope="session")
def corpus() -> list[str]:
    return [Path(module.__file__).read_text(encoding="utf-8") for module in (ast, json)]


@pytest.fixture(scope="session")
def tokenizer_folder(corpus: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    write(learn(corpus, 1024), folder)
    return folder


@pytest.fixture(scope="session")
def codec(tokenizer_folder: Path) -> Codec:
    return Codec.load(tokenizer_folder)
