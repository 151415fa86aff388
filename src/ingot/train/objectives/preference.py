"""Preference: make the better of two answers likelier than the worse one, compared with the model it began as.

Direct preference optimisation (Rafailov et al., 2023): with d the log-odds of both answers' probabilities under the
model less those under the reference, the loss of a pair is

    sigmoid   -log sigmoid(beta d)                         the paper's
    hinge     max(0, 1 - beta d)                           SLiC (Zhao et al., 2023)
    ipo       (d - 1 / (2 beta))^2, d of means per token   Azar et al., 2023, as TRL computes it

With an `offset` (ODPO; Amini et al., 2024, section 3) the sigmoid's margin must exceed one that grows with how much
better the better answer is, by the scores in the file of preferences:

    log       -log sigmoid(beta d - scale log(score of chosen - score of rejected))
    linear    -log sigmoid(beta d - scale (score of chosen - score of rejected))

What the reference thinks of the answers was computed once before, by the step `ingot.train.reference:score`: the
training holds one model. Shards come from `ingot.data.preferences:tokenize`.

Shapes: P pairs; [P, 2] is chosen and rejected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.data.score_differences import FILE, read_differences
from ingot.model.decoder import Decoder
from ingot.train.answers import answer_log_probabilities, pairs_in
from ingot.train.objective import Given, Loss, TensorBatch
from ingot.train.reference import REFERENCE, open_reference

Kind = Literal["sigmoid", "ipo", "hinge"]
Offset = Literal["none", "log", "linear"]
READS_WHOLE_TEXTS = True  # so that no process may hold a part of one


@dataclass(frozen=True)
class Config:
    """Which loss, and `beta`: the larger, the nearer the model stays to its reference.

    `offset` says how the scores of a pair count, and `offset_scale` how much.
    """

    kind: Kind = "sigmoid"
    beta: float = 0.1
    offset: Offset = "none"
    offset_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.beta <= 0:
            what = f"beta is {self.beta}"
            raise UsageError(what, where="objective preference", fix="choose one above 0; 0.01 to 0.5 are usual")
        if self.offset != "none" and self.kind != "sigmoid":
            what = f"an offset has no meaning for the loss {self.kind!r}"
            raise UsageError(what, where="objective preference", fix="leave offset out, or choose the kind sigmoid")
        if self.offset_scale <= 0:
            what = f"offset_scale is {self.offset_scale}"
            raise UsageError(
                what, where="objective preference", fix="choose one above 0; 1 takes the scores as they are"
            )


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Return the summed loss of a batch's pairs, and how many there are."""
    reference = given.once(REFERENCE, lambda: open_reference(given))
    pairs = pairs_in(batch, given.codec)
    own_P2 = answer_log_probabilities(decoder, batch, pairs)
    offsets_P = _offsets(pairs.keys, config, given)
    reference_P2 = reference.of(pairs.keys).to(own_P2)
    total = preference_losses(own_P2, reference_P2, pairs.tokens_P2, config, offsets_P.to(own_P2)).sum()
    return Loss(total + len(own_P2) * decoder.router_loss(), len(own_P2))


def preference_losses(
    own_P2: Tensor, reference_P2: Tensor, tokens_P2: Tensor, config: Config, offsets_P: Tensor | None = None
) -> Tensor:
    """Return the loss of each pair, from the log-probabilities of its answers and their lengths in tokens."""
    gained_P2 = own_P2 - reference_P2
    if config.kind == "ipo":
        gained_P2 = gained_P2 / tokens_P2
    margin_P = gained_P2[:, 0] - gained_P2[:, 1]
    if config.kind == "sigmoid":
        return -F.logsigmoid(config.beta * margin_P - (0.0 if offsets_P is None else offsets_P))
    if config.kind == "hinge":
        return torch.relu(1 - config.beta * margin_P)
    return (margin_P - 1 / (2 * config.beta)) ** 2


def _offsets(keys: Sequence[bytes], config: Config, given: Given) -> Tensor:
    """Return by how much the margin of each pair must exceed 0: [P]."""
    if config.offset == "none":
        return torch.zeros(len(keys))
    found_P = differences_of(keys, given, "option offset of the objective preference")
    return config.offset_scale * (found_P.log() if config.offset == "log" else found_P)


def differences_of(keys: Sequence[bytes], given: Given, asked_by: str) -> Tensor:
    """Return by how much the better answer of each pair is better, by its scores: [P].

    Raises UsageError when the shards have no scores, InputError when some of the pairs have none.
    """
    why = "how much better an answer is comes from the scores of the pairs"
    made_by = "ingot.data.preferences:tokenize"
    differences = given.once(FILE, lambda: read_differences(given.folder_with(FILE, why, made_by)))
    missing = sum(key not in differences for key in keys)
    if missing:
        raise InputError(
            f"{missing} of the {len(keys)} pairs of a batch have no scores",
            where=f"training config, {asked_by}",
            why="they come from `score_chosen` and `score_rejected` in the line of a pair",
            fix="write both into every line and make the shards anew, or leave the option out",
        )
    return torch.tensor([differences[key] for key in keys], dtype=torch.float32)
