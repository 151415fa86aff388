"""The rated answers in a batch, and how likely a model thinks each: after its own prompt, and after a foreign one.

Each document of a row is a conversation whose last turn was rated. How much more a model says of anything than its
reference does is estimated from answers that do not belong: each prompt of a row with the answer of the conversation
before it, the first with the last one's. That follows from the row alone, whatever else is in the batch. A row with one
conversation has none.

Shapes: A answers of a batch; [A, 2] is after its own prompt, and after a foreign one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ingot.core.errors import InputError
from ingot.data.ratings import rating_key
from ingot.data.score_differences import pair_key
from ingot.data.whole_rows import refuse_parts
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec
from ingot.train.answering import Answered, in_rows, read_again
from ingot.train.objective import TensorBatch
from ingot.train.prompts import split_turn


@dataclass(frozen=True)
class Rated:
    """Answers with their own prompts, and foreign answers with the same prompts, none where a row has but one.

    `row_A` says in which row each stands; `keys` are what the ratings are found by, `both_keys` what a reference is.
    """

    texts: tuple[Answered, ...]
    foreign: tuple[Answered | None, ...]
    row_A: tuple[int, ...]
    keys: tuple[bytes, ...]
    both_keys: tuple[bytes, ...]


def ratings_in(batch: TensorBatch, codec: Codec, longest: int) -> Rated:
    """Find the rated answers of a batch; of a foreign text no more than `longest` tokens are kept, its last ones.

    Raises InputError when the rows do not hold whole ones.
    """
    refuse_parts(batch.tokens_BT[:, 0], codec.bos)
    tokens, segments = batch.tokens_BT.cpu().numpy(), batch.segments_BT.cpu().numpy()
    texts, foreign, rows = list[Answered](), list[Answered | None](), list[int]()
    for number, (row, of) in enumerate(zip(tokens, segments, strict=True)):
        begins = np.flatnonzero(np.diff(of, prepend=of[0] - 1))
        own = [_turn(ids.tolist(), codec) for ids in np.split(row, begins[1:])]
        texts += own
        rows += [number] * len(own)
        foreign += [_together(own[at][0], own[at - 1][1], longest) if len(own) > 1 else None for at in range(len(own))]
    keys = [rating_key([*prompt, *answer]) for prompt, answer in texts]
    both = [
        pair_key([*prompt, *answer], [*other[0], *other[1]] if other else [])
        for (prompt, answer), other in zip(texts, foreign, strict=True)
    ]
    return Rated(tuple(texts), tuple(foreign), tuple(rows), tuple(keys), tuple(both))


def own_log_probabilities(decoder: Decoder, rated: Rated, codec: Codec) -> Tensor:
    """Return the log-probability of every answer after its own prompt, in nats and float32: [A]."""
    return _sums(decoder, rated.texts, codec)


@torch.no_grad()
def foreign_log_probabilities(decoder: Decoder, rated: Rated, codec: Codec) -> Tensor:
    """Return the same of the foreign answers; 0 where there is none: [A]."""
    found_A = torch.zeros(len(rated.foreign), device=decoder.head_weight.device)
    places = [place for place, text in enumerate(rated.foreign) if text]
    # Something is read in any case: processes that share a model wait for one another's passes.
    sums = _sums(decoder, [text for text in rated.foreign if text] or rated.texts[:1], codec)
    if places:
        found_A[places] = sums
    return found_A


def _sums(decoder: Decoder, texts: Sequence[Answered], codec: Codec) -> Tensor:
    device = decoder.head_weight.device
    found_R = read_again(decoder, in_rows(texts, codec.pad, device))
    lengths_A = torch.tensor([len(answer) for _, answer in texts], device=device)
    answer_R = torch.arange(len(texts), device=device).repeat_interleave(lengths_A)
    return found_R.new_zeros(len(texts)).index_add(0, answer_R, found_R)


def _together(prompt: Sequence[int], answer: Sequence[int], longest: int) -> Answered:
    return prompt[-max(1, longest - len(answer)) :], answer


def _turn(ids: list[int], codec: Codec) -> Answered:
    found = split_turn(ids, codec)
    if found is None:
        raise InputError(
            "the rows of this training do not hold whole rated answers",
            where="training, inputs of kind Shards",
            why="the objective weighs the last turn of each conversation",
            fix="make the shards with the step ingot.data.ratings:tokenize, and read them in their `row_tokens`",
        )
    return found
