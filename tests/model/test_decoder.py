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


MIXED = ModelConfig(
    64, 32, 3, 4, 2, 8, 48, experts=6, experts_per_token=2, expert_ffn_width=16, dense_layers=(1,), sliding_window=30
)


def test_packed_documents_stay_apart_through_windows_and_experts() -> None:
    torch.manual_seed(0)
    decoder = Decoder(MIXED)
    first, second = torch.randint(64, (1, 150)), torch.randint(64, (1, 60))
    segments = torch.cat((torch.zeros(1, 150), torch.ones(1, 60)), 1).int()
    with torch.no_grad():
        packed = decoder(torch.cat((first, second), 1), segments)
        torch.testing.assert_close(packed[:, :150], decoder(first), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(packed[:, 150:], decoder(second), rtol=1e-4, atol=1e-5)


def test_a_window_bounds_what_a_token_depends_on() -> None:
    torch.manual_seed(0)
    config = ModelConfig(64, 32, 2, 4, 2, 8, 48, sliding_window=10)
    decoder, tokens = Decoder(config), torch.randint(64, (1, 60))
    changed = tokens.clone()
    changed[:, 20] = (changed[:, 20] + 1) % 64
    with torch.no_grad():
        is_other = (decoder(tokens) != decoder(changed)).any(-1)[0]
    # Each of the two layers carries it nine tokens further.
    assert is_other.nonzero().flatten().tolist() == list(range(20, 20 + 2 * 9 + 1))


def test_routers_hand_out_what_they_did_in_the_last_pass() -> None:
    torch.manual_seed(0)
    decoder, dense = Decoder(MIXED), Decoder(CONFIG)
    hidden = decoder(torch.randint(64, (2, 25)))
    assert decoder.expert_load().shape == (2, 6)
    assert decoder.expert_load().sum(1).tolist() == [2 * 25 * 2] * 2
    count = 50
    (hidden.sum() + count * decoder.router_loss()).backward()
    assert all(parameter.grad is not None for parameter in decoder.parameters())
    dense(torch.randint(64, (2, 25)))
    assert dense.router_loss() == 0.0


def test_weights_can_be_drawn_after_a_build_without_memory() -> None:
    config = ModelConfig(64, 32, 3, 4, 2, 8, 48, experts=6, experts_per_token=2, expert_ffn_width=16, balance="bias")
    drawn = []
    for device in ("meta", "cpu"):
        with torch.device(device):
            decoder = Decoder(config)
        decoder.to_empty(device="cpu")
        torch.manual_seed(5)
        decoder.draw()
        drawn.append(decoder.state_dict())
    assert all(torch.equal(tensor, drawn[1][name]) for name, tensor in drawn[0].items())
    assert {float(tensor.min()) for name, tensor in drawn[0].items() if "norm" in name} == {1.0}
    assert not any(tensor.any() for name, tensor in drawn[0].items() if "balance_bias" in name)
