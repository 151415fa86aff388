"""Adapters compute what the formula says, begin without a change, and survive their folder and their merging."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.train.adapters import Adapted, adapted, attach, load_adapters, merged, save_adapters
from ingot.train.config import AdapterConfig, MergeConfig
from ingot.train.merging import merge
from ingot.train.run import pretrain
from tests.train.small import MODEL, artifact, context, settings
from tests.train.test_beginning import model_folder

LORA = AdapterConfig(rank=3, alpha=6.0)
DORA = replace(LORA, is_dora=True)
BOTH = pytest.mark.parametrize("config", [LORA, DORA], ids=["lora", "dora"])


def trained(config: AdapterConfig) -> Decoder:
    """An adapted decoder as after some training: nothing in it is zero, and no length what it was."""
    torch.manual_seed(0)
    decoder = attach(Decoder(MODEL), config)
    with torch.no_grad():
        for _, module in adapted(decoder):
            module.lora_B.normal_(std=0.1)
            if module.magnitude is not None:
                module.magnitude *= 1.1
    return decoder


def logits(decoder: Decoder) -> torch.Tensor:
    with torch.no_grad():
        return decoder.logits(decoder(torch.arange(40).view(2, 20)))


@BOTH
def test_the_first_step_sees_the_model_as_it_was(config: AdapterConfig) -> None:
    torch.manual_seed(0)
    decoder = Decoder(MODEL)
    before = logits(decoder)
    torch.testing.assert_close(logits(attach(decoder, config)), before, atol=1e-6, rtol=0)
    assert len(list(adapted(decoder))) == 7 * MODEL.layers
    learning = {name.rpartition(".")[2] for name, p in decoder.named_parameters() if p.requires_grad}
    assert learning == {"lora_A", "lora_B", *(["magnitude"] if config.is_dora else [])}


@BOTH
def test_it_is_the_formula(config: AdapterConfig) -> None:
    """Row by row and in float64, as the papers write it."""
    module = next(module for _, module in adapted(trained(config)))
    x = torch.randn(5, module.in_features)
    weight, a, b = (t.detach().double() for t in (module.weight, module.lora_A, module.lora_B))
    rows = []
    for out in range(module.out_features):
        row = weight[out] + config.alpha / config.rank * sum(b[out, r] * a[r] for r in range(config.rank))
        if module.magnitude is not None:
            row = module.magnitude[out].detach().double() * row / row.square().sum().sqrt()
        rows.append(x.double() @ row)
    torch.testing.assert_close(module(x).double(), torch.stack(rows, -1), atol=1e-5, rtol=1e-5)


def test_the_length_doras_rows_are_divided_by_is_a_constant_to_the_gradient() -> None:
    module = next(module for _, module in adapted(trained(DORA)))
    x, up = torch.randn(5, module.in_features), torch.randn(5, module.out_features)
    module(x).backward(up)
    assert module.magnitude is not None
    a, b, magnitude = (p.detach().clone().requires_grad_() for p in (module.lora_A, module.lora_B, module.magnitude))
    total = module.weight.detach() + module.scale * b @ a
    (x @ (magnitude[:, None] * total / total.detach().norm(dim=1, keepdim=True)).T).backward(up)
    for ours, theirs in ((module.lora_A, a), (module.lora_B, b), (module.magnitude, magnitude)):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-5, rtol=1e-4)


@BOTH
def test_merged_is_a_plain_model_that_does_the_same(config: AdapterConfig) -> None:
    decoder = trained(config)
    plain = merged(decoder)
    assert not any(isinstance(module, Adapted) for module in plain.modules())
    assert plain.state_dict().keys() == Decoder(MODEL).state_dict().keys()
    torch.testing.assert_close(logits(plain), logits(decoder), atol=1e-5, rtol=1e-5)


@BOTH
def test_the_folder_is_pefts(config: AdapterConfig, tmp_path: Path) -> None:
    decoder = trained(config)
    save_adapters(decoder, config, tmp_path, "acme@1")
    fields = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (fields["peft_type"], fields["r"], fields["lora_alpha"]) == ("LORA", 3, 6.0)
    assert (fields["use_dora"], fields["base_model_name_or_path"]) == (config.is_dora, "acme@1")
    found = load_file(tmp_path / "adapter_model.safetensors")
    beside = "base_model.model.model.layers.1.mlp.down_proj"
    assert found[f"{beside}.lora_A.weight"].shape == (3, MODEL.ffn_width)
    assert found[f"{beside}.lora_B.weight"].shape == (MODEL.width, 3)
    assert (f"{beside}.lora_magnitude_vector" in found) == config.is_dora
    torch.manual_seed(0)
    again = load_adapters(Decoder(MODEL), tmp_path)
    assert torch.equal(logits(again), logits(decoder))


def test_adapters_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    save_adapters(trained(LORA), LORA, tmp_path)
    with pytest.raises(InputError, match="another model"):
        load_adapters(Decoder(replace(MODEL, layers=1)), tmp_path)
    with pytest.raises(InputError, match="another model"):
        load_adapters(Decoder(replace(MODEL, ffn_width=32)), tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "use_rslora": True}))
    with pytest.raises(InputError, match="use_rslora"):
        load_adapters(Decoder(MODEL), tmp_path)
    with pytest.raises(InputError, match="cannot be put on"):
        load_adapters(Decoder(MODEL), tmp_path / "nowhere")
    mixture = replace(MODEL, experts=4, experts_per_token=2, expert_ffn_width=16)
    with pytest.raises(UsageError, match="no matrix gate_proj"):
        attach(Decoder(mixture), LORA)
    attach(Decoder(mixture), replace(LORA, targets=("q_proj", "o_proj")))


def test_only_adapters_are_trained_and_saved_and_merging_gives_a_model(
    inputs: Mapping[str, Artifact], tmp_path: Path
) -> None:
    start = artifact("start", model_folder(tmp_path / "start", inputs["tokenizer"].path))
    config = settings(steps=6, adapters=LORA, learning_rate=1e-2, checkpoint_every=2)
    facts: Any = pretrain(config, {**inputs, "start": start}, context(tmp_path / "adapters"))
    assert not (tmp_path / "adapters/model.safetensors").exists()
    assert (tmp_path / "adapters/tokenizer.json").exists()
    beside = load_adapters(load(start.path), tmp_path / "adapters")
    assert any(module.lora_B.any() for _, module in adapted(beside))
    made = context(tmp_path / "merged")
    merge(MergeConfig(), {"start": start, "adapters": artifact("adapters", tmp_path / "adapters")}, made)
    torch.testing.assert_close(logits(load(tmp_path / "merged")), logits(beside), atol=1e-5, rtol=1e-5)
    assert facts["model"]["layers"] == MODEL.layers
    assert (tmp_path / "merged/tokenizer.json").exists()


def test_a_file_with_other_tensors_is_refused(tmp_path: Path) -> None:
    save_adapters(trained(LORA), LORA, tmp_path)
    path = tmp_path / "adapter_model.safetensors"
    save_file({**load_file(path), "base_model.model.lm_head.lora_A.weight": torch.zeros(3, 32)}, path)
    with pytest.raises(InputError, match="lm_head"):
        load_adapters(Decoder(MODEL), tmp_path)
