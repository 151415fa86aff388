"""What smaller vocabularies would be worth, from one training: a BPE vocabulary holds every smaller one.

Merges are learned in order, so the first n of them are what a training for n more tokens would have given, and a text
encoded with the full vocabulary, with the later merges undone, is the text encoded with the smaller one. So one
encoding tells the length of the text for every size (exact, but for the rare token that two different merges make).

A larger vocabulary makes fewer tokens and each of them dearer, because the output matrix has a row for every entry.
What counts is the arithmetic per byte of text: (parameters of the layers + vocabulary x width) / bytes per token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from ingot.tokenizer.vocabulary import SMALLEST

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Size:
    """One size of vocabulary, and how many bytes of text a token then has."""

    vocabulary: int
    bytes_per_token: float

    def cost_per_byte(self, layer_parameters: int, width: int) -> float:
        """Return the parameters that are multiplied for each byte of text."""
        return (layer_parameters + self.vocabulary * width) / self.bytes_per_token


def sizes(tokenizer: Tokenizer, uses: Counts, text_bytes: int, wanted: Sequence[int] = ()) -> tuple[Size, ...]:
    """Return the worth of a vocabulary and of smaller ones on a text, smallest first.

    `uses` tells how often each id occurs in the text. Without `wanted`, the powers of two and the full size. Protected
    terms are in every size.
    """
    full = tokenizer.get_vocab_size()
    powers = (1 << bit for bit in range(9, full.bit_length()))
    terms = sum(not token.special for token in tokenizer.get_added_tokens_decoder().values())
    chosen = sorted({size for size in wanted or (*powers, full) if SMALLEST + terms <= size <= full})
    parts = _parts(tokenizer)
    counts = (int(uses @ _lengths(parts, size - terms, full)) for size in chosen)
    return tuple(Size(size, round(text_bytes / max(1, count), 4)) for size, count in zip(chosen, counts, strict=True))


def best(table: Sequence[Size], layer_parameters: int, width: int) -> Size:
    """Return the size with the least arithmetic for a byte of text; of equals the smallest.

    >>> best([Size(4096, 3.5), Size(8192, 3.8), Size(16384, 4.0)], layer_parameters=20_000_000, width=256)
    Size(vocabulary=8192, bytes_per_token=3.8)
    """
    assert table, "there is at least the full size"
    return min(table, key=lambda size: (size.cost_per_byte(layer_parameters, width), size.vocabulary))


def _parts(tokenizer: Tokenizer) -> Mapping[int, tuple[int, int]]:
    """Return what each learned token was first made of, in the order of learning."""
    model = json.loads(tokenizer.to_str())["model"]
    ids: Mapping[str, int] = model["vocab"]
    made: dict[int, tuple[int, int]] = {}
    for left, right in model["merges"]:
        made.setdefault(ids[left + right], (ids[left], ids[right]))
    return made


def _lengths(parts: Mapping[int, tuple[int, int]], vocabulary: int, full: int) -> Counts:
    """Return how many tokens of the smaller vocabulary each token of the full one becomes."""
    lengths = np.ones(full, dtype=np.int64)
    for token, (left, right) in parts.items():
        if token >= vocabulary:
            lengths[token] = lengths[left] + lengths[right]
    return lengths
