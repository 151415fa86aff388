"""Write a model that exists for other programs, with its certificate.

model (and the dataset it was made from, if it was made here) -> export
"""

from __future__ import annotations

from collections.abc import Mapping

from ingot.flow.artifact import Artifact
from ingot.flow.step import Step
from ingot.infer.config import ExportConfig

Given = Mapping[str, Artifact]


def export(model: Artifact, dataset: Artifact | None, config: ExportConfig) -> tuple[Step, Given]:
    """Return the step that makes the export, and what it takes as it is."""
    given = {"model": model} | ({"dataset": dataset} if dataset else {})
    # Nothing is run for what is given, so there is nothing to say how.
    inputs = {name: Step(name, one.name, one.kind, "", {}) for name, one in given.items()}
    name = f"{model.name.removesuffix('-checkpoint')}-{config.to}-{config.type}"
    return Step("export", name, "Export", "ingot.infer.exporting:export_model", config, inputs), given
