"""The pairs of answers in a batch of preferences, and how likely a model thinks each of them.

In every row conversations stand in twos, the chosen one first. An answer is what the assistant says from the first turn
on in which the two differ (tokenizer/chat). Two conversations are known again by their ids, wherever they stand and in
whichever order rows are read, so what a reference thinks of them can be looked up.

Shapes: S all tokens of a batch, P pairs; [P, 2] is chosen and rejected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ingot.core.errors import InputError
from ingot.data.score_differences import pair_key
from ingot.data.stream import IGNORED
from ingot.data.whole_rows import refuse_parts
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import answer_masks
from ingot.tokenizer.codec import Codec
from ingot.train.log_probabilities import log_probabilities
from ingot.train.objective import TensorBatch

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Of a batch: the targets that are in an answer, which answer each is in, how long those are, and the pairs' keys.

    Answers are numbered through the batch: that of pair p is 2p where it was chosen, and 2p + 1 where not.
    """

    targets_S: Tensor
    answer_R: Tensor
    tokens_P2: Tensor
    keys: tuple[bytes, ...]


def pairs_in(batch: TensorBatch, codec: Codec) -> Pairs:
    """Find the pairs of a batch. Raises InputError when its rows do not hold whole pairs."""
    refuse_parts(batch.tokens_BT[:, 0], codec.bos)
    tokens, segments = batch.tokens_BT.cpu().numpy(), batch.segments_BT.cpu().numpy()
    targets, answer = np.full(tokens.shape, IGNORED), np.zeros(tokens.shape, dtype=np.int64)
    lengths, keys = list[int](), list[bytes]()
    for row in range(len(tokens)):
        documents = list(_documents(tokens[row], segments[row], codec.eos))
        if len(documents) % 2:
            raise _half_a_pair()
        for chosen, rejected in zip(documents[0::2], documents[1::2], strict=True):
            both = tokens[row, chosen], tokens[row, rejected]
            keys.append(pair_key(*both))
            for place, ids, mask in zip((chosen, rejected), both, answer_masks(both[0], both[1], codec), strict=True):
                # What is said is predicted one place before it stands; a document begins with a mark nobody says.
                said = np.flatnonzero(mask)
                targets[row, place.start + said - 1] = ids[said]
                answer[row, place.start + said - 1] = len(lengths)
                lengths.append(len(said))
    device = batch.tokens_BT.device
    targets_S, answer_S = torch.from_numpy(targets).flatten(), torch.from_numpy(answer).flatten()
    answer_R = answer_S[targets_S != IGNORED]
    tokens_P2 = torch.tensor(lengths, dtype=torch.float32).view(-1, 2)
    return Pairs(targets_S.to(device), answer_R.to(device), tokens_P2.to(device), tuple(keys))


def answer_log_probabilities(decoder: Decoder, batch: TensorBatch, pairs: Pairs) -> Tensor:
    """Return the log-probability of every answer, in nats and float32: [P, 2]."""
    hidden_BTD = decoder(batch.tokens_BT, batch.segments_BT)
    found_R = log_probabilities(hidden_BTD.flatten(0, 1), decoder.head_weight, pairs.targets_S)
    sums_A = found_R.new_zeros(pairs.tokens_P2.numel())
    return sums_A.index_add(0, pairs.answer_R, found_R).view(-1, 2)


def _documents(tokens: Ids, segments: npt.NDArray[Any], end: int) -> Iterator[slice]:
    """Yield the places of a row's documents, up to and with their end marks."""
    begins = [0, *(np.flatnonzero(np.diff(segments)) + 1).tolist(), len(tokens)]
    for begin, following in pairwise(begins):
        ends = np.flatnonzero(tokens[begin:following] == end)
        if not len(ends):
            raise _half_a_pair()
        yield slice(begin, begin + int(ends[0]) + 1)


def _half_a_pair() -> InputError:
    return InputError(
        "the rows of this training do not hold whole pairs of answers",
        where="training, inputs of kind Shards",
        why="the objective weighs two conversations that stand in a row one after the other",
        fix="make the shards with the step ingot.data.preferences:tokenize, and read them in their `row_tokens`",
    )
