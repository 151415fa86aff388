"""Layers dealt out in runs: what each stage keeps, and what the last one lets an objective do."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.distributed as dist

from ingot.core.errors import UsageError
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.train.objective import Loss, TensorBatch
from ingot.train.objectives import next_token
from ingot.train.parallel.context import Context
from ingot.train.parallel.pipeline import Pipeline, Stage

MODEL = ModelConfig(64, width=32, layers=5, heads=4, kv_heads=2, head_width=8, ffn_width=64, context=16)
STAGES = 3


def kept(model: ModelConfig) -> list[set[str]]:
    names = []
    for index in range(STAGES):
        decoder = Decoder(model)
        Stage(index, STAGES).keep(decoder)
        names.append(set(decoder.state_dict()))
    return names


@pytest.mark.parametrize("model", [MODEL, replace(MODEL, has_tied_embeddings=False)], ids=["tied", "untied"])
def test_every_weight_is_written_by_the_one_stage_that_owns_it(model: ModelConfig) -> None:
    names, whole = kept(model), set(Decoder(model).state_dict())
    assert set().union(*names) == whole
    for name in whole:
        holders = [index for index in range(STAGES) if name in names[index]]
        assert Stage(0, STAGES).owner(name, model.layers) == holders[0]
        is_copied = model.has_tied_embeddings and name == "embed_tokens.weight"
        assert holders == ([0, STAGES - 1] if is_copied else holders[:1])


def test_layers_keep_their_numbers() -> None:
    decoder = Decoder(MODEL)
    Stage(1, STAGES).keep(decoder)
    assert [layer.self_attn.layer for layer in decoder.layers] == [1, 2]
    assert all(name.startswith(("layers.1.", "layers.2.")) for name in decoder.state_dict())


@pytest.mark.parametrize("is_changed", [False, True], ids=["as it is", "changed"])
def test_an_objective_that_changes_rows_is_refused_in_words(is_changed: bool) -> None:
    """A single stage, which is the last one."""

    def objective(decoder: Decoder, batch: TensorBatch, /) -> Loss:
        tokens = (batch.tokens_BT + is_changed) % MODEL.vocabulary
        return next_token.loss(decoder, TensorBatch(tokens, batch.targets_BT, batch.segments_BT), next_token.Config())

    tokens = torch.arange(32).view(2, 16)
    pieces = [TensorBatch(tokens, tokens, torch.zeros(2, 16, dtype=torch.int32))] * 2
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        pipeline = Pipeline(Decoder(MODEL), Stage(0, 1, dist.group.WORLD), Context())
        if is_changed:
            with pytest.raises(UsageError, match="reads other rows") as raised:
                pipeline.learn(objective, pieces)
            assert "set pipeline to 1" in raised.value.fix
        else:
            assert pipeline.learn(objective, pieces).count == 2 * tokens.numel()
    finally:
        dist.destroy_process_group()
