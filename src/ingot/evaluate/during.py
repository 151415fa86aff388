"""The held-out figure while training: the same few documents each time, cheap enough to look often.

Training calls this hook by its run reference and writes what it returns into the curve. Each document is read up to
one context, so the figure is a little higher than the report's, where long documents are read with their past; what
counts here is how it falls.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ingot.data.shards import Shards
from ingot.evaluate.bits import document_bits
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec

SLICE_TOKENS = 16_384


def held_out(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    """Return `held_out_bits_per_byte` on a fixed slice of the held-out shard; nothing when the shard is empty."""
    codec = Codec.load(inputs["tokenizer"].path)
    documents = beginnings(Shards.open(inputs["shards"].path, "held_out"), decoder.config.context, SLICE_TOKENS)
    sizes = np.array([sum(len(codec.token_bytes(token)) for token in ids) for ids in documents], dtype=np.int64)
    if not sizes.sum():
        return {}
    bits = document_bits(decoder, documents, codec.bos, stride=decoder.config.context)
    return {"held_out_bits_per_byte": float(bits.sum() / sizes.sum())}


def beginnings(shards: Shards, longest: int, limit: int) -> list[list[int]]:
    """Return up to `limit` tokens as documents without their marks, each cut to its first `longest` tokens."""
    documents: list[list[int]] = []
    left = limit
    for ids in shards.in_documents():
        if left <= 0:
            break
        # A document in a shard stands between its beginning and its end mark.
        documents.append(ids[1:-1][: min(longest, left)].tolist())
        left -= len(documents[-1])
    return documents
