"""Rating: make answers that were rated good likelier and bad ones less likely, each by itself, without a pair.

Kahneman-Tversky optimisation (Ethayarajh et al., 2024, "KTO", equation 8): with r the log-odds of an answer under the
model less those under the reference, the loss of an answer is

    good_weight (1 - sigmoid(beta (r - z)))     of a good one
    bad_weight  (1 - sigmoid(beta (z - r)))     of a bad one

and z is how far the model has moved from its reference altogether: the mean of the same log-odds over answers put after
foreign prompts, never below 0, without a gradient. It is estimated for every row of the shards by itself, so a step's
loss depends neither on how a batch is cut nor on what else is in it (train/ratings); rows should hold several
conversations, and in a row with one z is 0. What the reference thinks of both was computed once before, by the step
`ingot.train.reference:score`. Shards come from `ingot.data.ratings:tokenize`.

Shapes: A answers of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.data.ratings import FILE, read_ratings
from ingot.model.decoder import Decoder
from ingot.train.objective import Given, Loss, TensorBatch
from ingot.train.ratings import Rated, foreign_log_probabilities, own_log_probabilities, ratings_in
from ingot.train.reference import REFERENCE, open_reference

READS_WHOLE_TEXTS = True  # so that no process may hold a part of one


@dataclass(frozen=True)
class Config:
    """`beta`: the larger, the nearer the model stays to its reference; what good and bad answers weigh.

    Where one kind is rarer, let both weigh the same: weight times number of the good ones between 1 and 4/3 of the bad
    ones' (the paper, section 4.2).
    """

    beta: float = 0.1
    good_weight: float = 1.0
    bad_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.beta <= 0:
            what = f"beta is {self.beta}"
            raise UsageError(what, where="objective rating", fix="choose one above 0; 0.01 to 0.5 are usual")
        for name in ("good_weight", "bad_weight"):
            if getattr(self, name) < 0:
                what = f"{name} is {getattr(self, name)}"
                raise UsageError(what, where="objective rating", fix="choose 1, or more for the rarer kind")


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Return the summed loss of a batch's answers, and how many there are."""
    codec = given.codec
    reference = given.once(REFERENCE, lambda: open_reference(given))
    rated = ratings_in(batch, codec, decoder.config.context)
    is_good_A = torch.tensor(_labels(rated, given), device=decoder.head_weight.device)
    known_A2 = reference.of(rated.both_keys).to(is_good_A.device)
    # First, because what routers are asked for is that of the pass before.
    moved_A = foreign_log_probabilities(decoder, rated, codec) - known_A2[:, 1]
    own_A = own_log_probabilities(decoder, rated, codec)
    distance_A = distances(moved_A, rated)
    total = rating_losses(own_A - known_A2[:, 0], distance_A, is_good_A, config).sum()
    count = len(rated.texts)
    means = {"distance": (float(distance_A.sum()), count)}
    return Loss(total + count * decoder.router_loss(), count, means=means)


def rating_losses(gained_A: Tensor, distance_A: Tensor, is_good_A: Tensor, config: Config) -> Tensor:
    """Return the loss of each answer, from how much likelier it is than under the reference."""
    good_A = config.good_weight * (1 - torch.sigmoid(config.beta * (gained_A - distance_A)))
    bad_A = config.bad_weight * (1 - torch.sigmoid(config.beta * (distance_A - gained_A)))
    return torch.where(is_good_A, good_A, bad_A)


def distances(moved_A: Tensor, rated: Rated) -> Tensor:
    """Return for each answer how far the model has moved, by the foreign answers of its row: [A]."""
    row_A = torch.tensor(rated.row_A, device=moved_A.device)
    rows = int(row_A.max()) + 1
    sums_B = moved_A.new_zeros(rows).index_add(0, row_A, moved_A)
    return (sums_B / torch.bincount(row_A, minlength=rows)).clamp(min=0)[row_A]


def _labels(rated: Rated, given: Given) -> Sequence[bool]:
    made_by = "ingot.data.ratings:tokenize"
    ratings = given.once(
        FILE, lambda: read_ratings(given.folder_with(FILE, "it says which answers were good", made_by))
    )
    try:
        return [ratings[key] for key in rated.keys]
    except KeyError:
        raise InputError(
            "an answer of a batch has no rating",
            where="training, inputs of kind Shards",
            why="the shards are not those that the ratings were written with",
            fix=f"make them anew with the step {made_by}",
        ) from None
