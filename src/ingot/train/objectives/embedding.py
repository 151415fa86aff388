"""Embedding: bring texts that belong together near one another, and others apart.

Of every pair in a row the query must find its positive among the positives of all pairs of the row: the loss is the
surprise of the right one, from cosines divided by a temperature (InfoNCE; van den Oord et al., 2018, with the negatives
of the batch). Negatives come from the same row and not from other rows, so that a batch teaches the same however it is
cut into pieces and dealt among processes; a longer row holds more of them. A positive that is, token by token, the
right one as well is no negative. Shards come from `ingot.data.pairs:tokenize`.
The result is a folder that sentence-transformers opens, and transformers as a model whose states are pooled.

Shapes: D width, N texts of all rows, P pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ingot.core.errors import UsageError
from ingot.data.whole_rows import refuse_parts
from ingot.model.convert import SpecialTokens
from ingot.model.decoder import Decoder
from ingot.model.heads import Documents, Kind, documents_in, embeddings, put_pooling, save_embedder
from ingot.train.objective import Given, Loss, TensorBatch


@dataclass(frozen=True)
class Config:
    """The temperature cosines are divided by, and whether a text is its last state or the mean of its states."""

    temperature: float = 0.05
    pooling: Kind = "last"

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            what = f"the temperature is {self.temperature}"
            raise UsageError(what, where="objective embedding", fix="choose one above 0; 0.02 to 0.1 are usual")


@dataclass(frozen=True)
class Vectors:
    """The head: it has no weights, and says how states become a vector."""

    pooling: Kind

    def put_on(self, decoder: Decoder, seed: int = 0) -> Decoder:
        """Put the pooling on a decoder; return the decoder."""
        return put_pooling(decoder, self.pooling)

    def first_weights(self, width: int, seed: int) -> Mapping[str, Tensor]:
        """Return no weights."""
        return {}

    def save(self, decoder: Decoder, folder: Path, special: SpecialTokens, longest: int) -> None:
        """Write a folder that sentence-transformers opens."""
        save_embedder(decoder, longest, folder, special)


def head(config: Config, given: Given) -> Vectors:
    """Return the head."""
    return Vectors(config.pooling)


def loss(decoder: Decoder, batch: TensorBatch, config: Config, given: Given) -> Loss:
    """Return the summed surprise of the right positives, and how many pairs there are."""
    refuse_parts(batch.tokens_BT[:, 0], given.codec.bos)
    documents = documents_in(batch.tokens_BT, batch.segments_BT, given.codec.eos)
    vectors_ND = embeddings(decoder, decoder(batch.tokens_BT, batch.segments_BT), documents)
    queries_PD, positives_PD = vectors_ND[0::2], vectors_ND[1::2]
    cosines_PP = queries_PD @ positives_PD.T / config.temperature
    cosines_PP = cosines_PP.masked_fill(_left_out(batch, documents), -torch.inf)
    right_P = torch.arange(len(cosines_PP), device=cosines_PP.device)
    total = F.cross_entropy(cosines_PP, right_P, reduction="sum")
    return Loss(total + len(right_P) * decoder.router_loss(), len(right_P))


def _left_out(batch: TensorBatch, documents: Documents) -> Tensor:
    """Mark what is no negative: positives of other rows, and those that are equal to the right one."""
    row_P = (documents.ends_N // batch.tokens_BT.size(1))[1::2]
    spans: dict[bytes, int] = {}
    number_S, tokens_S = documents.number_S.cpu(), batch.tokens_BT.flatten().cpu()
    is_read_S = number_S >= 0
    sizes = number_S[is_read_S].bincount().tolist()
    texts = torch.split(tokens_S[is_read_S], sizes)[1::2]
    text_P = torch.tensor([spans.setdefault(text.numpy().tobytes(), len(spans)) for text in texts])
    text_P = text_P.to(row_P.device)
    is_equal_PP = text_P[:, None] == text_P
    is_equal_PP.fill_diagonal_(False)
    return is_equal_PP | (row_P[:, None] != row_P)
