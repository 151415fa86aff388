from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from ingot.core.errors import InputError
from ingot.infer.exporters.huggingface import Config, export
from ingot.model.convert import SpecialTokens, load, save


def test_a_folder_transformers_opens_without_anything_else(model_folder: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(model_folder, tmp_path / "source"))
    (source / "modeling_evil.py").write_text("raise SystemExit")
    (source / "optimizer.pt").write_bytes(b"pickle")
    out = tmp_path / "out"
    out.mkdir()
    export(source, out, Config())
    assert sorted(path.name for path in out.iterdir()) == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    ids = torch.arange(3, 20)[None]
    with torch.no_grad():
        ours = load(model_folder)
        theirs = AutoModelForCausalLM.from_pretrained(out)(ids).logits
    torch.testing.assert_close(theirs, ours.logits(ours(ids)), rtol=1e-4, atol=1e-4)
    assert len(AutoTokenizer.from_pretrained(out)) == ours.config.vocabulary


def test_weights_are_rounded_to_the_type_in_every_file(model_folder: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(model_folder, tmp_path / "source"))
    decoder = load(model_folder)
    save(decoder, source, SpecialTokens(0, (1,), 2), max_file_bytes=40_000)
    out = tmp_path / "out"
    out.mkdir()
    export(source, out, Config("bf16"))
    files = sorted(out.glob("*.safetensors"))
    assert len(files) > 1
    tensors = {name: tensor for path in files for name, tensor in load_file(path).items()}
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    assert json.loads((out / "config.json").read_text())["dtype"] == "bfloat16"
    index = json.loads((out / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in tensors.values())
    expected = decoder.layers[1].self_attn.q_proj.weight.bfloat16()
    assert torch.equal(tensors["model.layers.1.self_attn.q_proj.weight"], expected)


@pytest.mark.parametrize(("value", "kind", "fix"), [(1e6, "f16", "bf16"), (float("nan"), "f32", "train")])
def test_what_a_type_cannot_hold_is_refused(
    model_folder: Path, tmp_path: Path, value: float, kind: str, fix: str
) -> None:
    source = Path(shutil.copytree(model_folder, tmp_path / "source"))
    weights = load_file(source / "model.safetensors")
    weights["model.layers.0.mlp.up_proj.weight"][3, 3] = value
    save_file(weights, source / "model.safetensors")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(InputError, match="up_proj") as caught:
        export(source, out, Config(kind))
    assert fix in caught.value.fix
    assert not list(out.iterdir())


def test_code_of_its_own_is_refused(model_folder: Path, tmp_path: Path) -> None:
    source = Path(shutil.copytree(model_folder, tmp_path / "source"))
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**config, "auto_map": {"AutoModel": "evil.Model"}}))
    with pytest.raises(InputError, match="code of its own"):
        export(source, tmp_path, Config())
