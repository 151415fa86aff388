from __future__ import annotations

from typing import Any

import pytest
import torch

from ingot.infer.graph import Graph
from ingot.model.config import ModelConfig, RopeScaling
from ingot.model.decoder import Decoder

SIZES = {"vocabulary": 64, "width": 32, "layers": 2, "heads": 4, "kv_heads": 2, "head_width": 16, "ffn_width": 48}
MIXTURE = {"experts": 4, "experts_per_token": 2, "expert_ffn_width": 24}
VARIANTS = {
    "plain": {},
    "without norms, untied": {"has_qk_norm": False, "has_tied_embeddings": False},
    "window": {"sliding_window": 5, "full_attention_layers": (0,)},
    "yarn": {"rope_scaling": RopeScaling("yarn", 4.0, 16), "context": 64},
    "mixture": {**MIXTURE, "has_normalised_routing": False},
    "mixture, weights sum to one": {**MIXTURE, "dense_layers": (0,)},
}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def decoder(request: pytest.FixtureRequest) -> Decoder:
    torch.manual_seed(3)
    made = Decoder(ModelConfig(**{"context": 32, **SIZES, **request.param})).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(6.0 if weight.ndim > 1 else 1.0)
    return made


def past(decoder: Decoder, rows: int = 1) -> list[torch.Tensor]:
    shape = (rows, decoder.config.kv_heads, 0, decoder.config.head_width)
    return [torch.zeros(shape) for _ in range(2 * decoder.config.layers)]


@torch.no_grad()
def test_it_computes_what_the_decoder_computes(decoder: Decoder) -> None:
    ids = torch.randint(0, 64, (2, 12), generator=torch.Generator().manual_seed(1))
    expected = decoder.logits(decoder(ids))
    graph = Graph(decoder)
    places = torch.arange(12).expand(2, 12)
    logits, *_ = graph(ids, torch.ones(2, 12, dtype=torch.long), places, past(decoder, 2))
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_it_goes_on_from_what_it_returned(decoder: Decoder) -> None:
    ids = torch.randint(0, 64, (1, 12), generator=torch.Generator().manual_seed(2))
    expected = decoder.logits(decoder(ids))[:, 7:]
    graph = Graph(decoder)
    state: list[Any] = past(decoder)
    for begin, end in ((0, 7), (7, 8), (8, 12)):
        places = torch.arange(begin, end)[None]
        logits, *state = graph(ids[:, begin:end], torch.ones(1, end, dtype=torch.long), places, state)
    torch.testing.assert_close(logits, expected[:, 1:], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_padding_on_the_left_changes_nothing(decoder: Decoder) -> None:
    ids = torch.randint(0, 64, (1, 6), generator=torch.Generator().manual_seed(4))
    expected = decoder.logits(decoder(ids))
    padded = torch.cat((torch.zeros(1, 3, dtype=torch.long), ids), dim=1)
    mask = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1, 1]])
    places = (mask.cumsum(1) - 1).clamp(min=0)
    logits, *_ = Graph(decoder)(padded, mask, places, past(decoder))
    torch.testing.assert_close(logits[:, 3:], expected, rtol=1e-4, atol=1e-5)
