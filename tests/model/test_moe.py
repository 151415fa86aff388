from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.model.fusing import fused
from ingot.model.moe import (
    MixtureOfExperts,
    Routing,
    combine,
    grouped,
    one_by_one,
    router_loss,
    send,
    update_balance,
)
from ingot.train.compiling import has_compiler

needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no compiler works here")
SIZES = ModelConfig(64, 16, 2, 2, 1, 8, 24, experts=5, experts_per_token=2, expert_ffn_width=8)


@pytest.fixture
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def mixture(seed: int = 0, **changes: Any) -> MixtureOfExperts:
    torch.manual_seed(seed)
    made = MixtureOfExperts(dataclasses.replace(SIZES, **changes))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(std=0.3)
    return made


def one_token_at_a_time(moe: MixtureOfExperts, x_ND: Tensor) -> Tensor:
    """A mixture as its definition reads, in float64."""
    config, rows = moe.gate.config, []
    for x in x_ND.double():
        odds = torch.softmax(moe.gate.weight.double() @ x, 0)
        chosen = odds.topk(config.experts_per_token).indices.tolist()
        total = sum(odds[e] for e in chosen) if config.has_normalised_routing else 1.0
        y = torch.zeros_like(x)
        for e in chosen:
            gate, up, down = (
                w[e].double() for w in (moe.experts.gate_proj, moe.experts.up_proj, moe.experts.down_proj)
            )
            y = y + odds[e] / total * (down @ (torch.nn.functional.silu(gate @ x) * (up @ x)))
        rows.append(y if moe.shared_experts is None else y + moe.shared_experts(x.float()).double())
    return torch.stack(rows)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"has_normalised_routing": False},
        {"experts_per_token": 1},
        {"experts_per_token": 5},
        {"shared_experts": 2},
        {"experts": 32, "experts_per_token": 3},
    ],
)
def test_a_mixture_computes_what_the_definition_says(changes: dict[str, Any]) -> None:
    moe, x = mixture(**changes), torch.randn(2, 13, 16)
    with torch.no_grad():
        y, routing = moe(x)
        expected = one_token_at_a_time(moe, x.flatten(0, 1)).view_as(x)
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=1e-5)
    assert int(routing.tokens_E.sum()) == 26 * moe.gate.config.experts_per_token  # nobody is dropped


def test_gradients_are_those_of_the_published_mixture() -> None:
    ours = mixture()
    theirs = MixtralSparseMoeBlock(
        MixtralConfig(hidden_size=16, intermediate_size=8, num_local_experts=5, num_experts_per_tok=2)
    )
    with torch.no_grad():
        theirs.gate.weight.copy_(ours.gate.weight)
        theirs.experts.gate_up_proj.copy_(torch.cat((ours.experts.gate_proj, ours.experts.up_proj), 1))
        theirs.experts.down_proj.copy_(ours.experts.down_proj)
    x, upstream = torch.randn(3, 20, 16, requires_grad=True), torch.randn(3, 20, 16)
    mine = torch.autograd.grad(ours(x)[0], (x, *(p for _, p in sorted(ours.named_parameters()))), upstream)
    x_grad, down, gate, up, router = mine
    found = dict(
        zip(
            ("x", "up", "down", "router"),
            torch.autograd.grad(
                theirs(x), (x, theirs.experts.gate_up_proj, theirs.experts.down_proj, theirs.gate.weight), upstream
            ),
            strict=True,
        )
    )
    torch.testing.assert_close(x_grad, found["x"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.cat((gate, up), 1), found["up"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(down, found["down"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(router, found["router"], rtol=1e-4, atol=1e-5)


def test_sorting_by_expert_and_the_way_back_agree_with_finite_differences() -> None:
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    weights = [torch.randn(3, *shape, dtype=torch.float64, requires_grad=True) for shape in ((4, 3), (4, 3), (3, 4))]
    shares = torch.rand(6, 2, dtype=torch.float64, requires_grad=True)
    chosen = torch.tensor([[2, 0], [0, 2], [2, 0], [0, 2], [0, 2], [2, 0]])  # nobody goes to expert 1
    order, tokens = chosen.flatten().argsort(stable=True), torch.tensor([6, 0, 6])
    torch.testing.assert_close(combine(send(x, order, 2), shares, order), x * shares.sum(-1, keepdim=True))
    assert torch.autograd.gradcheck(
        lambda x, shares, *w: combine(one_by_one(send(x, order, 2), tokens, *w), shares, order), (x, shares, *weights)
    )


@needs_compiler
@pytest.mark.filterwarnings("ignore")  # the compiler warns of itself
def test_a_compiled_mixture_computes_what_the_written_one_does_whatever_tokens_choose() -> None:
    moe, upstream = mixture(experts=3, expert_ffn_width=16), torch.randn(2, 100, 16)
    for chosen in (slice(None), slice(0, 1)):  # of the second batch, all tokens go the same way
        x = torch.randn(2, 100, 16)[:, chosen].expand(2, 100, 16).contiguous().requires_grad_()
        written, compiled = (_passed(moe, x, upstream, is_on) for is_on in (False, True))
        for found, wanted in zip(compiled, written, strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def _passed(moe: MixtureOfExperts, x: Tensor, upstream: Tensor, is_fused: bool) -> list[Tensor]:
    with fused(is_fused):
        y, routing = moe(x)
        return [y, *torch.autograd.grad((y, routing.balance), (x, *moe.parameters()), (upstream, torch.ones(())))]


@pytest.mark.parametrize("tokens", [[9, 0, 23, 8], [40, 0, 0, 0], [0, 0, 0, 40]])
def test_both_forms_agree_and_an_idle_expert_gets_a_gradient_of_zero(tokens: list[int]) -> None:
    torch.manual_seed(0)
    x = torch.randn(40, 16).bfloat16().requires_grad_()
    weights = [torch.nn.Parameter(torch.randn(4, *shape) * 0.3) for shape in ((8, 16), (8, 16), (16, 8))]
    upstream = torch.randn(40, 16).bfloat16()
    results = []
    for form in (one_by_one, grouped):
        y = form(x, torch.tensor(tokens), *weights)
        results.append((y, *torch.autograd.grad(y, (x, *weights), upstream)))
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=2e-2, atol=2e-2)
    for gradient in results[0][2:]:
        assert gradient.dtype == torch.float32
        assert [bool(one.any()) for one in gradient] == [count > 0 for count in tokens]


@pytest.mark.usefixtures("deterministic")
def test_a_pass_and_its_gradients_repeat_to_the_last_bit() -> None:
    moe, x = mixture(), torch.randn(4, 50, 16)
    passes = []
    for _ in range(3):
        read = x.clone().requires_grad_()
        y, routing = moe(read)
        loss = y.square().sum() + routing.balance + routing.z
        passes.append((y, *torch.autograd.grad(loss, (read, *moe.parameters()))))
    for again in passes[1:]:
        assert all(torch.equal(one, other) for one, other in zip(passes[0], again, strict=True))


def test_the_router_computes_in_float32_whatever_the_rest_does() -> None:
    moe, x = mixture(), torch.randn(1, 64, 16).bfloat16()
    expected = torch.softmax(x[0].float() @ moe.gate.weight.T, -1).topk(2, -1)
    experts, weights, _ = moe.gate(x[0])
    assert weights.dtype == torch.float32
    assert torch.equal(experts, expected.indices)
    torch.testing.assert_close(weights, expected.values / expected.values.sum(-1, keepdim=True))
    assert moe(x)[0].dtype == torch.bfloat16


def test_losses_are_least_where_load_is_even() -> None:
    moe = mixture(experts=4, experts_per_token=1)
    x = torch.eye(16)[None, :4]
    with torch.no_grad():
        moe.gate.weight.zero_()[:, :4] = 5 * torch.eye(4)
        even = moe(x)[1]
        moe.gate.weight.zero_()[0] = 50
        piled_up = moe(x)[1]
    assert even.tokens_E.tolist() == [1, 1, 1, 1]
    torch.testing.assert_close(even.balance, torch.tensor(1.0))
    torch.testing.assert_close(piled_up.balance, torch.tensor(4.0))
    torch.testing.assert_close(even.z, torch.tensor(5.0).exp().add(3).log().square())


def test_what_routers_ask_is_weighed_and_summed() -> None:
    layers = [Routing(torch.ones(5), torch.tensor(2.0), torch.tensor(3.0))] * 2
    by_loss = dataclasses.replace(SIZES, balance_loss=0.1, router_z_loss=0.01)
    assert float(router_loss(layers, by_loss)) == pytest.approx(2 * (0.2 + 0.03))
    assert float(router_loss(layers, dataclasses.replace(by_loss, balance="bias"))) == pytest.approx(2 * 0.03)
    assert router_loss([], SIZES) == 0.0


def test_a_bias_counts_in_choosing_only() -> None:
    moe, x = mixture(balance="bias"), torch.randn(30, 16)
    before = moe.gate(x)
    moe.gate.balance_bias[3] = 100.0
    after = moe.gate(x)
    assert bool((after[0] == 3).any(-1).all())
    odds = torch.softmax(x @ moe.gate.weight.T, -1).gather(-1, after[0])
    torch.testing.assert_close(after[1], odds / odds.sum(-1, keepdim=True))
    assert not torch.equal(before[0], after[0])


def test_moving_the_bias_evens_the_load() -> None:
    decoder = skewed(dataclasses.replace(SIZES, balance="bias", balance_step=0.005))
    tokens = torch.randint(64, (4, 64))
    loads = []
    with torch.no_grad():
        for _ in range(100):
            decoder(tokens)
            loads.append(decoder.expert_load())
            update_balance(decoder, decoder.expert_load(), decoder.config.balance_step)
    mean = loads[0].float().mean()
    assert float(loads[0].max() / mean) > 2
    assert float(loads[-1].max() / mean) < 1.5
    assert not any("balance_bias" in name for name, _ in decoder.named_parameters())
    assert sum("balance_bias" in name for name in decoder.state_dict()) == 2


def test_learning_from_the_loss_evens_the_load() -> None:
    decoder = skewed(dataclasses.replace(SIZES, balance_loss=1.0, router_z_loss=0.0))
    tokens = torch.randint(64, (4, 64))
    optimizer = torch.optim.Adam(decoder.parameters(), lr=3e-3)
    loads = []
    for _ in range(60):
        decoder(tokens)
        loads.append(decoder.expert_load())
        loss = decoder.router_loss()
        assert isinstance(loss, Tensor)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    mean = loads[0].float().mean()
    assert float(loads[0].max() / mean) > 2
    assert float(loads[-1].max() / mean) < 1.5


def skewed(config: ModelConfig) -> Decoder:
    """A decoder whose routers like expert 0: its row is long along what all tokens share."""
    torch.manual_seed(0)
    decoder = Decoder(config)
    with torch.no_grad():
        decoder.embed_tokens.weight += 0.05
        for layer in decoder.layers:
            layer.mlp.gate.weight[0] += 0.03
    return decoder


def test_a_model_without_memory_can_be_run_through() -> None:
    config = dataclasses.replace(SIZES, sliding_window=8)
    with torch.device("meta"):
        decoder = Decoder(config, torch.bfloat16)
        hidden = decoder(torch.zeros(2, 20, dtype=torch.int64), torch.zeros(2, 20, dtype=torch.int32))
    assert (hidden.shape, hidden.device.type) == ((2, 20, 16), "meta")
