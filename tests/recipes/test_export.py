from __future__ import annotations

from pathlib import Path

from ingot.core.plugins import resolve
from ingot.flow.home import Home
from ingot.infer.config import ExportConfig
from ingot.recipes.export import export
from tests.registry.made import add


def test_the_model_is_given_and_the_export_is_named_after_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    model, dataset = add(home, "acme-checkpoint", "Checkpoint"), add(home, "acme-dataset", "Dataset")
    step, given = export(model, dataset, ExportConfig("gguf", "q4_K"))
    assert (step.artifact, step.kind) == ("acme-gguf-q4_K", "Export")
    assert given == {"model": model, "dataset": dataset}
    assert set(step.inputs) == set(given)
    assert callable(resolve(step.run))
    step, given = export(model, None, ExportConfig("onnx", "f32"))
    assert set(step.inputs) == set(given) == {"model"}
