from __future__ import annotations

import pytest
import torch

from ingot.model.cache import Cache
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder

CONFIG = ModelConfig(vocabulary=64, width=32, layers=2, heads=4, kv_heads=2, head_width=8, ffn_width=48)


def test_reading_in_pieces_gives_the_logits_of_reading_at_once() -> None:
    torch.manual_seed(0)
    decoder, tokens = Decoder(CONFIG), torch.randint(64, (2, 200))
    with torch.no_grad():
        whole = decoder(tokens)
        cache = Cache(CONFIG, capacity=200, rows=2)
        pieces = [decoder(piece, cache=cache) for piece in tokens.split([3, 1, 150, 1, 1, 44], dim=1)]
    assert cache.length == 200
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-4, atol=1e-5)


def test_rewinding_forgets_a_continuation() -> None:
    torch.manual_seed(0)
    decoder, cache = Decoder(CONFIG), Cache(CONFIG, capacity=16)
    with torch.no_grad():
        decoder(torch.tensor([[1, 2, 3]]), cache=cache)
        first = decoder(torch.tensor([[4]]), cache=cache)
        cache.rewind(3)
        decoder(torch.tensor([[9]]), cache=cache)
        cache.rewind(3)
        again = decoder(torch.tensor([[4]]), cache=cache)
    assert torch.equal(first, again)


def test_a_full_cache_refuses_more() -> None:
    decoder, cache = Decoder(CONFIG), Cache(CONFIG, capacity=2)
    with torch.no_grad(), pytest.raises(AssertionError, match="do not fit"):
        decoder(torch.tensor([[1, 2, 3]]), cache=cache)


def test_reading_in_pieces_through_windows_and_experts_gives_the_same() -> None:
    experts = {"experts": 4, "experts_per_token": 2, "expert_ffn_width": 16}
    config = ModelConfig(64, 32, 3, 4, 2, 8, 48, sliding_window=21, full_attention_layers=(1,), **experts)
    torch.manual_seed(0)
    decoder, tokens = Decoder(config), torch.randint(64, (2, 200))
    with torch.no_grad():
        whole = decoder(tokens)
        cache = Cache(config, capacity=200, rows=2)
        pieces = [decoder(piece, cache=cache) for piece in tokens.split([3, 1, 150, 1, 1, 44], dim=1)]
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-4, atol=1e-5)
