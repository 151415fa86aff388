"""Supervised fine-tuning: learn what the assistant says in a conversation, and nothing else of it.

Rows are conversations as `tokenizer/chat` frames them, packed and apart from one another. What counts is found there,
too: the assistant's words and the token that ends its turn. All other targets are left out of the loss; where a row
begins in the midst of a turn, so is the rest of that turn. The step that makes the shards shows what is learned of
them (`trained_tokens`, and conversations with the learned part marked in `masked.txt`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ingot.data.stream import IGNORED
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import trained_mask
from ingot.tokenizer.codec import Codec
from ingot.train.objective import Given, Loss, TensorBatch
from ingot.train.objectives import next_token


@dataclass(frozen=True)
class Config:
    """Nothing to set: every token of the assistant counts the same."""


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Return the summed surprise of what the assistant says."""
    return next_token.loss(decoder, masked(batch, given.codec), next_token.Config())


def masked(batch: TensorBatch, codec: Codec) -> TensorBatch:
    """Return the batch with the targets alone that the assistant says."""
    tokens, targets = batch.tokens_BT.cpu().numpy(), batch.targets_BT.cpu().numpy().copy()
    for row in range(len(tokens)):
        # The target of a place is the token after it, so the mask is that of the ids one place on.
        ids = np.append(tokens[row], targets[row, -1])
        targets[row, ~trained_mask(ids, codec)[1:]] = IGNORED
    return TensorBatch(batch.tokens_BT, torch.from_numpy(targets).to(batch.targets_BT.device), batch.segments_BT)
