"""Heads read whole documents wherever they lie in a row, and transformers reads the folders and answers the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModel, AutoModelForSequenceClassification

from ingot.core.errors import InputError
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.model.heads import (
    Kind,
    class_logits,
    documents_in,
    embeddings,
    load_classifier,
    put_classes,
    put_pooling,
    save_classifier,
    save_embedder,
)

DENSE = ModelConfig(96, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=48, context=64)
EXPERTS = replace(DENSE, experts=4, experts_per_token=2, expert_ffn_width=32)
FAMILIES = {
    "mistral": replace(DENSE, has_qk_norm=False, has_tied_embeddings=False),
    "qwen3": DENSE,
    "mixtral": replace(EXPERTS, has_qk_norm=False, has_tied_embeddings=False),
    "qwen3_moe": EXPERTS,
}
BOS, END, PAD = 0, 1, 2
SPECIAL = SpecialTokens(BOS, (END,), PAD)
TEXTS = [[BOS, *range(10, 10 + length), END] for length in (3, 9, 1, 5)]


def decoder(config: ModelConfig) -> Decoder:
    torch.manual_seed(0)
    return Decoder(config)


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, TEXTS))
    rows = torch.tensor([[*text, *[PAD] * (longest - len(text))] for text in TEXTS])
    return rows, (rows != PAD).long()


def packed() -> tuple[torch.Tensor, torch.Tensor]:
    """Two rows of two texts each, a class behind each end, and filling behind some."""
    rows, segments = [], []
    for texts in (TEXTS[:2], TEXTS[2:]):
        row = [*texts[0], 50, *texts[1], 51]
        segment = [0] * (len(texts[0]) + 1) + [1] * (len(texts[1]) + 1)
        rows.append(row + [PAD] * (20 - len(row)))
        segments.append(segment + [1] * (20 - len(segment)))
    return torch.tensor(rows), torch.tensor(segments)


@pytest.mark.parametrize("family", FAMILIES)
def test_classes_are_those_of_transformers(family: str, tmp_path: Path) -> None:
    model = put_classes(decoder(FAMILIES[family]), 3)
    assert model.lm_head is None
    save_classifier(model, ["a", "b", "c"], tmp_path, SPECIAL)
    theirs, report = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    assert theirs.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert type(theirs).__name__.endswith("ForSequenceClassification")
    again, names = load_classifier(tmp_path)
    assert names == ("a", "b", "c")
    assert all(torch.equal(one, other) for one, other in zip(again.parameters(), model.parameters(), strict=True))
    tokens, segments = packed()
    rows, mask = padded()
    with torch.no_grad():
        ours = class_logits(model, model(tokens, segments), documents_in(tokens, segments, END))
        wanted = theirs(input_ids=rows, attention_mask=mask).logits
    torch.testing.assert_close(ours, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["last", "mean"])
def test_vectors_are_the_pooled_states_of_transformers(kind: Kind, tmp_path: Path) -> None:
    model = put_pooling(decoder(FAMILIES["mistral"]), kind)
    assert model.lm_head is not None
    assert not model.lm_head.weight.requires_grad
    save_embedder(model, 64, tmp_path, SPECIAL)
    theirs, report = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    tokens, segments = packed()
    rows, mask = padded()
    with torch.no_grad():
        ours = embeddings(model, model(tokens, segments), documents_in(tokens, segments, END))
        states = theirs(input_ids=rows, attention_mask=mask).last_hidden_state
    last = states[torch.arange(len(TEXTS)), mask.sum(1) - 1]
    mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    torch.testing.assert_close(ours, F.normalize(last if kind == "last" else mean, dim=-1), atol=1e-5, rtol=1e-5)
    assert ours.norm(dim=1).tolist() == pytest.approx([1.0] * len(TEXTS), abs=1e-5)
    pooling = json.loads((tmp_path / "1_Pooling/config.json").read_text())
    assert pooling["pooling_mode_lasttoken"] is (kind == "last")
    assert pooling["pooling_mode_mean_tokens"] is (kind == "mean")
    modules = json.loads((tmp_path / "modules.json").read_text())
    assert [each["path"] for each in modules] == ["", "1_Pooling", "2_Normalize"]


def test_documents_are_found_by_their_ends() -> None:
    tokens, segments = packed()
    found = documents_in(tokens, segments, END)
    assert found.ends_N.tolist() == [4, 16, 22, 30]
    number = found.number_S.view(2, 20)
    assert number[0].tolist() == [0] * 5 + [-1] + [1] * 11 + [-1] * 3
    assert number[1].tolist() == [2] * 3 + [-1] + [3] * 7 + [-1] * 9


def test_a_model_that_writes_tells_no_classes(tmp_path: Path) -> None:
    save(decoder(DENSE), tmp_path, SPECIAL)
    with pytest.raises(InputError, match="does not tell classes apart"):
        load_classifier(tmp_path)
    with pytest.raises(InputError, match="not a model"):
        load_classifier(tmp_path / "nowhere")
