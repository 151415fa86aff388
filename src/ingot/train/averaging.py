"""Means of weights, which are looked at and published in their place: over the steps, and with where it started.

A running mean beside the training smooths out what the last steps happened to do.

After every step each mean moves a little towards its weight (Polyak and Juditsky, 1992; as an exponential mean in
Tarvainen and Valpola, 2017). Over the first steps, which are far from where the training ends, the memory is shorter:
(1 + n) / (10 + n) after n steps, as in TensorFlow's ExponentialMovingAverage. A rate that falls to zero does much of
the same work, so the mean is worth most where the rate stays (Haegele et al., 2024, "Scaling laws and compute-optimal
training beyond fixed training durations").

A training that goes on from a model can publish the mean of what it came to and what it began with: between the two
weights the new is learned before the old is forgotten (Wortsman et al., 2022, "Robust fine-tuning of zero-shot
models"). The training itself does not notice.

A mean lies where its weight lies, in the same parts: a training that is spread over processes needs nothing more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ingot.model.decoder import Decoder
from ingot.train.parallel.placement import Placement

if TYPE_CHECKING:
    from ingot.train.state import TrainingState


@torch.no_grad()
def first_means(decoder: Decoder, placement: Placement) -> dict[str, Tensor]:
    """Return the means before the first step: the parts of all weights that learn, as they are, by name."""
    return {name: part.detach().clone() for name, part in _parts(decoder, placement).items()}


@torch.no_grad()
def follow(state: TrainingState, decay: float) -> None:
    """Move the means towards the weights of a step that has just been taken."""
    if state.means:
        weights = _parts(state.decoder, state.placement)
        decay = min(decay, (1 + state.step) / (10 + state.step))
        torch._foreach_lerp_([state.means[name] for name in weights], list(weights.values()), 1 - decay)


@contextlib.contextmanager
def averaged(state: TrainingState) -> Iterator[None]:
    """Inside, the decoder has the means for weights, if there are any; afterwards its own again, bit for bit."""
    weights = _parts(state.decoder, state.placement) if state.means or state.origin else {}
    own = {name: weight.detach().clone() for name, weight in weights.items()}
    if state.means:
        _fill(weights, state.means)
    if state.origin:
        origin = [state.origin[name] for name in weights]
        torch._foreach_lerp_(list(weights.values()), origin, state.start_share)
    try:
        yield
    finally:
        _fill(weights, own)


@torch.no_grad()
def _fill(weights: dict[str, Tensor], values: dict[str, Tensor]) -> None:
    for name, weight in weights.items():
        weight.copy_(values[name])


def _parts(decoder: Decoder, placement: Placement) -> dict[str, Tensor]:
    learning = ((name, weight) for name, weight in decoder.named_parameters() if weight.requires_grad)
    return {name: placement.local(weight.detach()) for name, weight in learning}
