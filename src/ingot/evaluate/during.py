"""The held-out figure while training: the same few documents each time, cheap enough to look often.

Training calls this hook by its run reference and writes what it returns into the curve. Each document is read up to
one context, so the figure is a little higher than the report's, where long documents are read with their past; what
counts here is how it falls. A training on several datasets gets a figure for each, so that it shows when one is learned
at the cost of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ingot.data.shards import Shards
from ingot.evaluate.bits import document_bits
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec

SLICE_TOKENS = 16_384
FIGURE = "held_out_bits_per_byte"


def held_out(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    """Return `held_out_bits_per_byte` on a fixed slice of the held-out shards; nothing when they are empty.

    With several inputs of kind Shards there is one more for each, named `held_out_bits_per_byte.<input>`, and the first
    is over all their slices together, whatever the mixture weighs.
    """
    codec = Codec.load(inputs["tokenizer"].path)
    datasets = {name: made.path for name, made in sorted(inputs.items()) if made.kind == "Shards"}
    counted = {name: _bits_and_bytes(decoder, codec, path) for name, path in datasets.items()}
    counted = {name: (bits, size) for name, (bits, size) in counted.items() if size}
    if not counted:
        return {}
    bits, sizes = (sum(each) for each in zip(*counted.values(), strict=True))
    figures = {FIGURE: bits / sizes}
    if len(datasets) > 1:
        figures |= {f"{FIGURE}.{name}": bits / size for name, (bits, size) in counted.items()}
    return figures


def _bits_and_bytes(decoder: Decoder, codec: Codec, folder: Path) -> tuple[float, int]:
    documents = beginnings(Shards.open(folder, "held_out"), decoder.config.context, SLICE_TOKENS)
    size = sum(len(codec.token_bytes(token)) for ids in documents for token in ids)
    if not size:
        return 0.0, 0
    return float(document_bits(decoder, documents, codec.bos, stride=decoder.config.context).sum()), size


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
