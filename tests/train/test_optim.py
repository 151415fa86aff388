from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.train.optim import Muon, move, optimizers, orthogonal, scale_and_clip
from tests.train.small import MODEL, settings


def with_gradients(decoder: Decoder) -> Decoder:
    generator = torch.Generator().manual_seed(0)
    for parameter in decoder.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    return decoder


@pytest.mark.parametrize("name", ["muon", "adamw"])
@pytest.mark.parametrize("has_tied_embeddings", [True, False])
def test_every_parameter_is_moved_by_exactly_one_optimiser(name: str, has_tied_embeddings: bool) -> None:
    config = ModelConfig(64, 32, 2, 4, 2, 8, 48, has_tied_embeddings=has_tied_embeddings)
    decoder = Decoder(config)
    moved = [
        id(parameter)
        for optimizer in optimizers(decoder, settings(optimizer=name))
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
    assert sorted(moved) == sorted(id(parameter) for parameter in decoder.parameters())


def gradients(decoder: Decoder) -> list[torch.Tensor]:
    return [parameter.grad for parameter in decoder.parameters() if parameter.grad is not None]


def test_muon_takes_the_matrices_of_the_layers_alone() -> None:
    decoder = Decoder(MODEL)
    muon = next(one for one in optimizers(decoder, settings()) if isinstance(one, Muon))
    taken = {id(parameter) for group in muon.param_groups for parameter in group["params"]}
    names = {name for name, parameter in decoder.named_parameters() if id(parameter) in taken}
    assert names == {f"layers.{n}.{part}.weight" for n in range(2) for part in PROJECTIONS}


PROJECTIONS = (
    *(f"self_attn.{name}_proj" for name in "qkvo"),
    *(f"mlp.{name}_proj" for name in ("gate", "up", "down")),
)


@pytest.mark.parametrize("shape", [(24, 24), (40, 16), (16, 40)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_orthogonal_keeps_directions_and_levels_lengths(shape: tuple[int, int], dtype: torch.dtype) -> None:
    x = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    y = orthogonal(x.to(dtype)).float()
    u, before, v = torch.linalg.svd(x, full_matrices=False)
    inside = u.mT @ y @ v.mT  # the singular values of the result, in the directions of the input
    lengths = inside.diagonal(dim1=-2, dim2=-1)
    # Five steps lift what is at least a twentieth of the largest; a nearly flat direction stays short.
    assert float(lengths[before > before.max() / 20].min()) > 0.6
    assert float(lengths.max()) < 1.25
    assert float((inside - torch.diag_embed(lengths)).abs().max()) < 0.05


def one_step_by_hand(matrix: Tensor, gradient: Tensor, rate: float, weight_decay: float) -> Tensor:
    """Muon's first step on one matrix, as the papers write it: momentum 0.05 g, look-ahead, orthogonal, scaled."""
    momentum = 0.05 * gradient
    ahead = 0.05 * gradient + 0.95 * momentum
    update = orthogonal(ahead[None])[0]
    return matrix * (1 - rate * weight_decay) - rate * 0.2 * max(matrix.shape) ** 0.5 * update


def test_muon_moves_stacked_matrices_as_it_would_each_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(16, 8), (8, 16), (16, 8), (8, 8)]
    matrices = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    for matrix in matrices:
        matrix.grad = torch.randn(matrix.shape, generator=generator)
    wanted = [one_step_by_hand(m.detach().clone(), m.grad, 0.1, 0.5) for m in matrices if m.grad is not None]
    Muon(matrices, 0.1, 0.5, torch.float32).step()
    for matrix, expected in zip(matrices, wanted, strict=True):
        torch.testing.assert_close(matrix.detach(), expected)


def test_norms_do_not_decay_and_matrices_do() -> None:
    decoder = Decoder(MODEL)
    before = copy.deepcopy(decoder.state_dict())
    for parameter in decoder.parameters():
        parameter.grad = torch.zeros_like(parameter)
    for optimizer in optimizers(decoder, settings(weight_decay=0.5, learning_rate=0.1)):
        optimizer.step()
    for name, weight in decoder.state_dict().items():
        torch.testing.assert_close(weight, before[name] * (0.95 if weight.ndim == 2 else 1.0))


@pytest.mark.parametrize("limit", [1.0, 1e6])
def test_scaling_and_clipping_are_those_of_the_mean(limit: float) -> None:
    summed, mean = with_gradients(Decoder(MODEL)), with_gradients(Decoder(MODEL))
    for parameter in mean.parameters():
        assert parameter.grad is not None
        parameter.grad /= 7
    wanted = nn.utils.clip_grad_norm_(mean.parameters(), limit)
    norm = scale_and_clip(gradients(summed), 7, limit)
    assert norm == pytest.approx(float(wanted), rel=1e-5)
    for one, other in zip(summed.parameters(), mean.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_a_gradient_that_is_not_a_number_is_reported_and_left() -> None:
    decoder = with_gradients(Decoder(MODEL))
    gradient = decoder.norm.weight.grad
    assert gradient is not None
    gradient[0] = float("inf")
    assert scale_and_clip(gradients(decoder), 1, 1.0) == float("inf")


def test_a_step_sets_rate_and_momentum_where_they_belong() -> None:
    decoder = with_gradients(Decoder(MODEL))
    both, alone = optimizers(decoder, settings()), optimizers(decoder, settings(optimizer="adamw"))
    move(both, 1e-3, 0.9)
    move(alone, 1e-3, 0.9)
    adamw, muon = (optimizer.param_groups for optimizer in both)
    assert {group["lr"] for group in muon} == {1e-3}
    assert {group["momentum"] for group in muon} == {0.9}
    assert {group["lr"] for group in adamw} == {4e-3}  # embeddings beside Muon
    assert {group["lr"] for group in alone[0].param_groups} == {1e-3}
