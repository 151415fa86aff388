from __future__ import annotations

from pathlib import Path

import pytest

from ingot.infer.exporters.gguf import Config, export
from ingot.tokenizer.codec import Codec
from tests.infer.tiny_model import make_model


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen3-layout model with its exported file beside it."""
    folder = make_model(tmp_path_factory.mktemp("model") / "tiny")
    export(folder, folder / "model-f16.gguf", Config())
    return folder


@pytest.fixture(scope="session")
def mistral_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Mistral-layout model with its exported file beside it."""
    folder = make_model(tmp_path_factory.mktemp("model") / "tiny-mistral", has_qk_norm=False, has_tied_embeddings=False)
    export(folder, folder / "model-f16.gguf", Config())
    return folder


@pytest.fixture(scope="session")
def codec(model_folder: Path) -> Codec:
    return Codec.load(model_folder)
