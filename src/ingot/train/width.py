"""One learning rate for every width: what was tuned on a narrow model holds for a wide one.

In the usual parametrisation the best rate falls as a model grows, so it has to be searched for at full size. Here a
step moves every activation by about as much at any width (Yang et al., 2022, "Tensor Programs V", table 8), so the best
rate stays where it is. m is the width over the base width, at which nothing changes:

    part of the model             first weights   rate under Muon   rate under AdamW
    matrices inside the layers    m^-1/2          m^-1/2            1/m
    routers of experts            m^-1/2          1/m               1/m
    embeddings, head              1               -                 1
    gains of the last norm        1/m             -                 1/m
    gains of all other norms      1               -                 1

Muon's step has the length 0.2 * sqrt(larger side) in every direction, hence its root (Bernstein and Newhouse, 2024,
"Old optimizer, new norm"; AdamW's is m times too long in the one direction that counts). The published form divides the
logits by m. A published layout has no place for that, but the last norm's gains do the same, and they are weights: a
model trained so is exported as any other, and its logits are equal.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from ingot.model.decoder import Decoder
from ingot.model.moe import Router
from ingot.train.config import PretrainConfig

_LAST_GAINS = "norm.weight"


def rate_factors(decoder: Decoder, config: PretrainConfig) -> dict[int, float]:
    """Return what the rate of a parameter is multiplied by, by its id; a parameter that is not named keeps the rate."""
    if not config.base_width or config.adapters is not None:
        return {}
    m = config.model.width / config.base_width
    of_matrix = m**-0.5 if config.optimizer == "muon" else 1 / m
    factors = {id(matrix): 1 / m if is_router else of_matrix for matrix, is_router in _inner_matrices(decoder)}
    # Of a decoder whose layers are dealt among processes only one has the last norm.
    gains = dict(decoder.named_parameters()).get(_LAST_GAINS)
    return factors if gains is None else {**factors, id(gains): 1 / m}


@torch.no_grad()
def scale_first_weights(decoder: Decoder, config: PretrainConfig) -> None:
    """Bring weights that were just drawn to the size that fits their width, in place."""
    if not config.base_width:
        return
    m = config.model.width / config.base_width
    for matrix, _ in _inner_matrices(decoder):
        matrix.mul_(m**-0.5)
    gains = dict(decoder.named_parameters()).get(_LAST_GAINS)  # as above
    if gains is not None:
        gains.mul_(1 / m)


def _inner_matrices(decoder: Decoder) -> Iterator[tuple[nn.Parameter, bool]]:
    """Yield the matrices inside the layers, and whether each is a router's."""
    routers = {id(weight) for module in decoder.modules() if isinstance(module, Router) for weight in [module.weight]}
    for parameter in decoder.layers.parameters():
        if parameter.ndim > 1:
            yield parameter, id(parameter) in routers
