"""Reward: learn a number for an answer, such that of two answers the better one gets the higher number.

The probability that an answer is the better of two is the sigmoid of the difference of their numbers (Bradley & Terry,
1952; Ouyang et al., 2022, section 3.5); the loss is the surprise of what people said. One row of weights stands on the
decoder in the place of its head and reads the state at the end of a conversation, which has seen all of it. Only
differences are learned: what 0 means is chance, unless `centre` (Eisenstein et al., 2023, section 2) pulls the sum of
both numbers towards it. With `margin` the difference must exceed that of the scores in the file (Touvron et al., 2023,
section 3.2.2). Shards come from `ingot.data.preferences:tokenize`. The result is a folder that transformers opens as
`...ForSequenceClassification` with one number, and `ingot.infer.reward` as what scores answers.

Shapes: P pairs; [P, 2] is chosen and rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ingot.core.errors import UsageError
from ingot.model.convert import SpecialTokens
from ingot.model.decoder import Decoder
from ingot.model.heads import class_logits, class_weights, documents_in, put_classes, save_classifier
from ingot.train.answers import pairs_in
from ingot.train.objective import Given, Loss, TensorBatch
from ingot.train.objectives.preference import differences_of

READS_WHOLE_TEXTS = True  # so that no process may hold a part of one
NAME = "reward"


@dataclass(frozen=True)
class Config:
    """`margin` 0 counts every pair the same; `centre` 0 leaves open what 0 means, 0.01 is usual."""

    margin: float = 0.0
    centre: float = 0.0

    def __post_init__(self) -> None:
        for name in ("margin", "centre"):
            if getattr(self, name) < 0:
                what = f"{name} is {getattr(self, name)}"
                raise UsageError(what, where="objective reward", fix="choose 0 to leave it out, or a number above")


@dataclass(frozen=True)
class Number:
    """The head: one row of weights."""

    def put_on(self, decoder: Decoder, seed: int = 0) -> Decoder:
        """Put the row on a decoder in the place of its head; return the decoder."""
        return put_classes(decoder, 1, seed)

    def first_weights(self, width: int, seed: int) -> Mapping[str, Tensor]:
        """Return the row as it is drawn."""
        return {"score.weight": class_weights(width, 1, seed)}

    def save(self, decoder: Decoder, folder: Path, special: SpecialTokens, longest: int) -> None:
        """Write a folder that transformers opens for sequence classification, with one number."""
        save_classifier(decoder, (NAME,), folder, special)


def head(config: Config, given: Given) -> Number:
    """Return the head."""
    return Number()


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Return the summed surprise of which answers are the better ones, and how many pairs there are."""
    pairs = pairs_in(batch, given.codec)
    documents = documents_in(batch.tokens_BT, batch.segments_BT, given.codec.eos)
    rewards_P2 = class_logits(decoder, decoder(batch.tokens_BT, batch.segments_BT), documents).view(-1, 2)
    margins_P = torch.zeros(len(pairs.keys))
    if config.margin:
        margins_P = config.margin * differences_of(pairs.keys, given, "option margin of the objective reward")
    total = reward_losses(rewards_P2, margins_P.to(rewards_P2), config).sum()
    return Loss(total + len(rewards_P2) * decoder.router_loss(), len(rewards_P2))


def reward_losses(rewards_P2: Tensor, margins_P: Tensor, config: Config) -> Tensor:
    """Return the loss of each pair from the numbers of its answers."""
    surprise_P = -F.logsigmoid(rewards_P2[:, 0] - rewards_P2[:, 1] - margins_P)
    return surprise_P + config.centre * rewards_P2.sum(1).square()
