"""A packaged adapter is small, names its base, and is refused beside any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.adapters import package
from ingot.infer.config import AdapterPackageConfig
from tests.infer.adapters import make_adapter
from tests.infer.tiny_model import CONTEXT, make_model
from tests.registry.made import add
from tests.train.small import context


def files(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.iterdir()}


def test_it_takes_the_adapter_and_the_vocabulary_and_no_weights(tmp_path: Path) -> None:
    home, model = Home(tmp_path / "home"), make_model(tmp_path / "model")
    base = add(home, "acme", files=files(model), facts={"kind": "base"}, checkpoint="acme-checkpoint@1")
    folder = make_adapter(model, tmp_path / "adapter", seed=1)

    def trained(beside: str) -> Artifact:
        return add(home, "sales-checkpoint", "Checkpoint", files(folder), start=beside)

    work = context(tmp_path / "out")
    facts = package(AdapterPackageConfig(), {"adapters": trained("acme-checkpoint@1"), "base": base}, work)
    assert (facts["kind"], facts["base"], facts["rank"], facts["context"]) == ("chat", "acme@1", 4, CONTEXT)
    assert {path.name for path in work.folder.iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
        "tokenizer.json",
    }
    assert not (work.folder / "model.safetensors").exists()
    with pytest.raises(InputError, match="was trained beside other@1"):
        package(AdapterPackageConfig(), {"adapters": trained("other@1"), "base": base}, context(tmp_path / "second"))
