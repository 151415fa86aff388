from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import sha256_file
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.step import StepContext
from ingot.infer.certificate import LIMITS, Limits
from ingot.infer.config import ExportConfig
from ingot.infer.exporting import export_model
from tests.infer.small_dataset import make_dataset
from tests.registry.made import add

SMALL = {"prompts": 2, "tokens": 8, "evaluated_tokens": 100, "tokenised_bytes": 30_000}


@pytest.fixture(scope="module")
def model(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    files = {path.name: path for path in model_folder.iterdir() if path.suffix != ".gguf"}
    return add(Home(tmp_path_factory.mktemp("home")), "acme", "Model", files, {})


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    for name in ("folder", "scratch"):
        (tmp_path / name).mkdir()
    return StepContext(tmp_path / "folder", tmp_path / "scratch", 1, lambda kind, /, **fields: None)


def dataset(tmp_path: Path) -> Artifact:
    """A dataset whose documents lie where those of a home would."""
    text = "def visit(self, node):\n    return self.generic_visit(node)\n"
    home = Home(tmp_path / "home")
    made = add(home, "acme-dataset", "Dataset", {}, {})
    make_dataset(made.path, train=[text * 3], held_out=[text * 2, text.upper()])
    return made


def test_an_export_lies_beside_its_certificate(model: Artifact, context: StepContext, tmp_path: Path) -> None:
    inputs = {"model": model, "dataset": dataset(tmp_path)}
    facts = export_model(ExportConfig("gguf", "f16", **SMALL), inputs, context)
    assert sorted(path.name for path in context.folder.iterdir()) == ["acme-f16.gguf", "certificate.json"]
    certificate: dict[str, Any] = json.loads((context.folder / "certificate.json").read_text())
    assert certificate["passes"] is True
    assert certificate["files"] == {"acme-f16.gguf": sha256_file(context.folder / "acme-f16.gguf")}
    weights = {"model.safetensors": sha256_file(model.path / "model.safetensors")}
    assert certificate["trained"] == {"model": "acme@1", "fingerprint": model.fingerprint, "files": weights}
    assert certificate["texts"] == "held-out documents of acme-dataset@1"
    assert certificate["evaluation"]["documents"] == 2
    assert certificate["tokenisation"]["documents"]["bytes"] > 300
    assert certificate["tokenisation"]["made_up"]["bytes"] >= 29_000
    assert certificate["limits"] == {"mean": 2e-3, "p99": 1e-2, "bits_per_byte": 1e-3}
    assert json.loads(json.dumps(facts)) == facts
    assert facts["reader"].startswith("llama.cpp")
    assert facts["tokens"] >= facts["equal_tokens"] > 0
    assert facts["control_names_are_text"] is True


def test_a_model_without_a_dataset_is_measured_on_texts_of_its_own(model: Artifact, context: StepContext) -> None:
    facts = export_model(ExportConfig("huggingface", "f32", **SMALL), {"model": model}, context)
    certificate = json.loads((context.folder / "certificate.json").read_text())
    assert certificate["texts"] == "drawn from the trained model itself"
    assert facts["reader"].startswith("transformers")
    assert "model.safetensors" in certificate["files"]


def test_what_loses_too_much_is_refused_with_the_type_that_passes(
    model: Artifact, context: StepContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIMITS, "q8_0", Limits(1e-9, 1e-9, 1e-9))  # type: ignore[attr-defined]  # a dict underneath
    with pytest.raises(InputError, match="does not answer like the trained model") as caught:
        export_model(ExportConfig("gguf", "q8_0", **SMALL), {"model": model}, context)
    assert caught.value.fix == "export it with --type f16, which passes"
    assert "log-probabilities differ by" in caught.value.why
    assert "allowed are 1e-09" in caught.value.why
    assert not (context.folder / "certificate.json").exists()


def test_a_type_an_exporter_does_not_write_is_refused(model: Artifact, context: StepContext) -> None:
    with pytest.raises(UsageError, match="no type 'q8_0'") as caught:
        export_model(ExportConfig("onnx", "q8_0"), {"model": model}, context)
    assert "f32" in caught.value.fix
    assert not list(context.folder.iterdir())


@pytest.mark.parametrize("name", ["prompts", "tokens", "evaluated_tokens", "tokenised_bytes"])
def test_settings_that_measure_nothing_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        ExportConfig(**{name: 0})
