from __future__ import annotations

import pytest
import torch

from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder

CONFIG = ModelConfig(vocabulary=64, width=32, layers=3, heads=4, kv_heads=2, head_width=8, ffn_width=48)


def test_a_token_never_depends_on_what_comes_after() -> None:
    torch.manual_seed(0)
    decoder, tokens = Decoder(CONFIG), torch.randint(64, (1, 20))
    changed = torch.cat((tokens[:, :12], (tokens[:, 12:] + 1) % 64), 1)
    with torch.no_grad():
        before, after = decoder(tokens), decoder(changed)
    assert torch.equal(before[:, :12], after[:, :12])
    assert not torch.equal(before[:, 12:], after[:, 12:])


def test_packed_documents_get_the_hidden_states_they_get_alone() -> None:
    torch.manual_seed(0)
    decoder = Decoder(CONFIG)
    first, second = torch.randint(64, (1, 150)), torch.randint(64, (1, 60))
    segments = torch.cat((torch.zeros(1, 150), torch.ones(1, 60)), 1).int()
    with torch.no_grad():
        packed = decoder(torch.cat((first, second), 1), segments)
        torch.testing.assert_close(packed[:, :150], decoder(first), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(packed[:, 150:], decoder(second), rtol=1e-4, atol=1e-5)
        mixed = decoder(torch.cat((first, second), 1))
    assert (mixed[:, 150:] - packed[:, 150:]).abs().max() > 1e-3  # the control: without segments they do mix


def test_bf16_arithmetic_keeps_float32_weights() -> None:
    torch.manual_seed(0)
    decoder, tokens = Decoder(CONFIG, torch.bfloat16), torch.randint(64, (2, 16))
    hidden = decoder(tokens)
    assert hidden.dtype == torch.bfloat16
    assert {parameter.dtype for parameter in decoder.parameters()} == {torch.float32}
    decoder.dtype = torch.float32
    assert (decoder(tokens) - hidden.float()).abs().max() < 0.05


@pytest.mark.parametrize("has_tied_embeddings", [True, False])
def test_logits_read_the_head(has_tied_embeddings: bool) -> None:
    config = ModelConfig(64, 32, 1, 2, 1, 16, 48, has_tied_embeddings=has_tied_embeddings)
    decoder = Decoder(config)
    hidden = torch.randn(2, 3, 32)
    assert torch.equal(decoder.logits(hidden), hidden @ decoder.head_weight.T)
    assert (decoder.head_weight is decoder.embed_tokens.weight) is has_tied_embeddings


def test_the_same_seed_draws_the_same_weights_and_untrained_odds_are_flat() -> None:
    torch.manual_seed(3)
    first = Decoder(CONFIG)
    torch.manual_seed(3)
    second = Decoder(CONFIG)
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    with torch.no_grad():
        odds = torch.softmax(first.logits(first(torch.randint(64, (1, 32)))), -1)
    assert float(odds.max()) < 4 / 64
