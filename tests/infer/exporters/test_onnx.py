from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ingot.core.errors import MissingExtraError
from ingot.infer.certificate import LIMITS, measure, questions
from ingot.infer.exporters.onnx import Config, export
from ingot.infer.readers.onnxruntime import Config as ReaderConfig
from ingot.infer.readers.onnxruntime import Reader
from ingot.infer.reference import Reference
from ingot.model.config import RopeScaling
from tests.infer.tiny_model import make_variant


@pytest.fixture(scope="module")
def folders(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """What no GGUF file may hold: a window, a scaled rotary embedding and experts, in one model; and its export."""
    base = tmp_path_factory.mktemp("onnx")
    model = make_variant(
        model_folder,
        base / "model",
        layers=1,
        sliding_window=16,
        rope_scaling=RopeScaling("yarn", 4.0, 24),
        experts=4,
        experts_per_token=2,
        expert_ffn_width=32,
    )
    out = base / "out"
    out.mkdir()
    export(model, out, Config())
    return model, out


def test_it_answers_like_the_trained_model(folders: tuple[Path, Path]) -> None:
    model, out = folders
    reference, reader = Reference(model), Reader(out, ReaderConfig(threads=1))
    texts = ["def visit(self, node):\n    return self.generic_visit(node)" * 2, "class A(B, metaclass=C): pass # Größe"]
    found = measure(reader, questions(reference, texts, 2, 24, 200), LIMITS["f32"])
    assert found["faults"] == []
    assert found["greedy"]["equal"] == found["greedy"]["tokens"] > 0
    assert reader.tokenize(texts) == reference.tokenize(texts)
    reader.close()


def test_an_installation_without_it_says_what_to_install(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError) as caught:
        export(model_folder, tmp_path, Config())
    assert caught.value.fix == "pip install 'ingot[onnx]'"
