"""What looks at a model while it trains: a held-out loss, a sample, anything that returns numbers.

Training does not know evaluation. A recipe names functions by run reference (`PretrainConfig.hooks`), and each is
called every few steps with the decoder as it is then. A hook cannot change the training: it runs without gradients, and
random numbers it draws are taken from a copy of the generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch

from ingot.core import plugins
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.decoder import Decoder


class Hook(Protocol):
    """What a run reference in `PretrainConfig.hooks` names; `step` steps are done. Returns metrics by name."""

    def __call__(
        self, decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext, /
    ) -> Mapping[str, float]: ...


class Hooks:
    """The hooks of one training, resolved before the first step so that a wrong name costs no training."""

    def __init__(self, references: Sequence[str], inputs: Mapping[str, Artifact], context: StepContext) -> None:
        self._hooks: list[Hook] = [plugins.resolve(reference) for reference in references]
        self._inputs = inputs
        self._context = context

    def __call__(self, decoder: Decoder, step: int) -> dict[str, float]:
        """Call every hook and return all their metrics."""
        metrics: dict[str, float] = {}
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            for hook in self._hooks:
                metrics |= hook(decoder, step, self._inputs, self._context)
        return metrics
