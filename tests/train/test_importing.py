"""Models others made are taken in whole, and what could run or answer wrongly is refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ingot.core.errors import InputError
from ingot.core.storage import sha256_file
from ingot.flow.artifact import Artifact
from ingot.flow.source import Snapshot, SourceItem
from ingot.flow.step import StepContext
from ingot.model.config import ModelConfig
from ingot.model.convert import load
from ingot.train.config import ImportConfig
from ingot.train.importing import take_in
from tests.train.small import MODEL, Told
from tests.train.test_beginning import model_folder

DENSE = replace(MODEL, has_qk_norm=False, has_tied_embeddings=False)
EXPERTS = {"experts": 4, "experts_per_token": 2, "expert_ffn_width": 64}
FAMILIES = {
    "mistral": DENSE,
    "qwen3": MODEL,
    "mixtral": replace(DENSE, **EXPERTS),
    "qwen3_moe": replace(MODEL, **EXPERTS, dense_layers=(1,)),
}


def imported(folder: Path, out: Path, told: Told | None = None) -> Any:
    out.mkdir()
    items = tuple(
        SourceItem(path.name, str(path), path.stat().st_size, sha256_file(path), 0.0)
        for path in sorted(folder.iterdir())
    )
    context = StepContext(out, out, 1, told or Told(), {"model": Snapshot("folder", items)})
    return take_in(ImportConfig(), {}, context)


@pytest.fixture
def tokenizer(inputs: Mapping[str, Artifact]) -> Path:
    return inputs["tokenizer"].path


@pytest.mark.parametrize("family", FAMILIES)
def test_the_four_families_are_taken_in(family: str, tokenizer: Path, tmp_path: Path) -> None:
    model = model_folder(tmp_path / "theirs", tokenizer, FAMILIES[family])
    (model / "README.md").write_text("# A model")
    facts = imported(model, tmp_path / "ours")
    assert (facts["layout"], facts["precision"], facts["missing_tokens"]) == (family, "float32", [])
    assert facts["left_out"] == ["README.md"]
    loaded = load(tmp_path / "ours")
    assert facts["parameters"] == loaded.config.parameters
    assert ModelConfig(**{**facts["model"], "dense_layers": tuple(facts["model"]["dense_layers"])}).layers == 2
    assert torch.equal(loaded.embed_tokens.weight, load(model).embed_tokens.weight)


def test_a_tokenizer_that_lacks_our_marks_is_taken_and_says_so(tokenizer: Path, tmp_path: Path) -> None:
    model = model_folder(tmp_path / "theirs", tokenizer)
    text = (model / "tokenizer.json").read_text()
    (model / "tokenizer.json").write_text(text.replace("<|bos|>", "<|begin_of_text|>"))
    told = Told()
    assert imported(model, tmp_path / "ours", told)["missing_tokens"] == ["<|bos|>"]
    assert "lacks <|bos|>" in told.of("warning")[0]["text"]


def test_pickles_code_adapters_and_nothing_are_refused(tokenizer: Path, tmp_path: Path) -> None:
    model = model_folder(tmp_path / "theirs", tokenizer)

    def changed(name: str) -> Path:
        return shutil.copytree(model, tmp_path / name)

    pickled = changed("pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(InputError, match="a pickle"):
        imported(pickled, tmp_path / "1")
    coded = changed("coded")
    fields = json.loads((coded / "config.json").read_text())
    (coded / "config.json").write_text(json.dumps({**fields, "auto_map": {"AutoModel": "modeling.Mine"}}))
    with pytest.raises(InputError, match="code of its own"):
        imported(coded, tmp_path / "2")
    (coded / "config.json").write_text(json.dumps({**fields, "model_type": "gpt2"}))
    with pytest.raises(InputError, match="model_type"):
        imported(coded, tmp_path / "3")
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="adapters, not a model"):
        imported(beside, tmp_path / "4")
    (beside / "adapter_config.json").rename(beside / "notes.txt")
    with pytest.raises(InputError, match="no model that can be taken in"):
        imported(beside, tmp_path / "5")


def test_weights_that_are_not_what_was_promised_are_refused(tokenizer: Path, tmp_path: Path) -> None:
    model = model_folder(tmp_path / "theirs", tokenizer)
    path = model / "model.safetensors"
    tensors = load_file(path)
    tensors["model.norm.weight"][3] = torch.nan
    save_file(tensors, path)
    with pytest.raises(InputError, match=r"norm\.weight holds numbers"):
        imported(model, tmp_path / "1")
    del tensors["model.norm.weight"]
    save_file(tensors, path)
    with pytest.raises(InputError, match="1 missing"):
        imported(model, tmp_path / "2")
    small = model_folder(tmp_path / "small", tokenizer, replace(MODEL, vocabulary=448))
    with pytest.raises(InputError, match="512 tokens, the model rows for 448"):
        imported(small, tmp_path / "3")
