"""Predict the next token of every document: what pre-training learns from.

Each token but a document's last is a question, the token after it the answer; the loss is the surprise in nats, and
what routers of a mixture of experts add to it. Packed documents do not see one another.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingot.data.stream import IGNORED
from ingot.model.decoder import Decoder
from ingot.train.cross_entropy import cross_entropy_sum
from ingot.train.objective import Loss, TensorBatch


@dataclass(frozen=True)
class Config:
    """Nothing to set: every token counts the same."""


def loss(decoder: Decoder, batch: TensorBatch, config: Config) -> Loss:
    """Return the summed surprise of a batch's targets and how many there are."""
    hidden_BTD = decoder(batch.tokens_BT, batch.segments_BT)
    total = cross_entropy_sum(hidden_BTD.flatten(0, 1), decoder.head_weight, batch.targets_BT.flatten())
    count = int((batch.targets_BT != IGNORED).sum())
    return Loss(total + count * decoder.router_loss(), count)
