from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingot.core.errors import InputError
from ingot.core.storage import sha256_file
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.verifying import folder_of, verify
from tests.registry.made import add


@pytest.fixture
def model(tmp_path: Path) -> Artifact:
    return add(Home(tmp_path / "home"), "acme")


@pytest.fixture
def export(model: Artifact, tmp_path: Path) -> Artifact:
    """What an export looks like, without a model inside."""
    weights, certificate = tmp_path / "m.gguf", tmp_path / "certificate.json"
    weights.write_bytes(b"weights in another order")
    trained = {"model": "acme@1", "files": {"model.safetensors": sha256_file(model.path / "model.safetensors")}}
    told = {"type": "f16", "reader": "llama.cpp", "trained": trained, "passes": True}
    certificate.write_text(json.dumps({**told, "files": {"m.gguf": sha256_file(weights)}}))
    files = {"m.gguf": weights, "certificate.json": certificate}
    return add(Home(tmp_path / "home"), "acme-gguf-f16", "Export", files, {}, model="acme@1")


def wrong(folder: Path, model: Artifact | None = None) -> list[str]:
    return [finding.what for finding in verify(folder, model) if not finding.holds]


def test_what_is_whole_holds(export: Artifact, model: Artifact) -> None:
    assert wrong(export.path, model) == wrong(model.path) == []
    assert len(list(verify(export.path, model))) == 5
    assert folder_of(export.path / "m.gguf") == folder_of(export.path) == export.path


def test_a_changed_an_added_and_a_missing_file_are_found(export: Artifact) -> None:
    (export.path / "m.gguf").write_bytes(b"weights in another_order")
    assert wrong(export.path) == ["files are as recorded", "the certificate is about these files"]
    (export.path / "more.safetensors").write_bytes(b"x")
    assert "nothing was added" in wrong(export.path)
    (export.path / "record.json").unlink()
    (export.path / "m.gguf").unlink()
    assert wrong(export.path) == ["the certificate is about these files"]


def test_another_model_is_not_what_it_was_made_from(export: Artifact, tmp_path: Path) -> None:
    weights = tmp_path / "other"
    weights.write_bytes(b"trained longer")
    other = add(Home(tmp_path / "home"), "acme", "Model", {"model.safetensors": weights})
    assert wrong(export.path, other) == ["it was made from this model"]


def test_a_certificate_that_did_not_pass_says_so(export: Artifact) -> None:
    path = export.path / "certificate.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "passes": False}))
    assert wrong(export.path) == ["files are as recorded", "the certificate passed"]
    path.write_text("torn")
    with pytest.raises(InputError, match="cannot be read"):
        list(verify(export.path))


def test_the_certificate_beside_a_model_names_its_file(model: Artifact) -> None:
    (model.path / "model-f16.gguf").write_bytes(b"weights")
    told = {"file": "model-f16.gguf", "sha256": sha256_file(model.path / "model-f16.gguf")}
    (model.path / "certificate.json").write_text(json.dumps(told))
    assert wrong(model.path) == ["nothing was added"]
    (model.path / "model-f16.gguf").write_bytes(b"other")
    assert "the certificate is about this file" in wrong(model.path)


def test_a_place_with_nothing_to_verify_by_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a record nor a certificate"):
        folder_of(tmp_path / "nothing")
