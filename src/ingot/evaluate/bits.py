"""Bits per byte: how surprised the model is by text it has not seen, per byte of it. Lower is better.

Each document is read on its own from a beginning-of-text mark, and the surprise of all its tokens, -log2 P(token |
what came before), is added up and divided by its UTF-8 bytes, so models with different vocabularies compare. The
end-of-text mark is not counted: it stands for no byte. A document longer than the context is read in overlapping
windows, and every token is scored exactly once, with at least the overlap as its past (Press et al. 2021,
"Shortformer", section 2). The interval is a bootstrap over documents (Efron 1979): how much the figure would move
with other documents of the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

# `as`: those who count bits find here what they make of them.
from ingot.evaluate.intervals import Interval as Interval
from ingot.evaluate.intervals import bits_per_byte as bits_per_byte
from ingot.model.decoder import Decoder

Progress = Callable[[int], None]
TOKENS_AT_ONCE, ROWS_AT_ONCE = 4096, 512


@dataclass(frozen=True)
class _Window:
    """A stretch of one document's tokens; the first `known` targets were scored by the window before."""

    document: int
    tokens: Sequence[int]
    known: int


def document_bits(
    decoder: Decoder, documents: Sequence[Sequence[int]], bos: int, stride: int, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Return the bits the model needs for each document (token ids without marks); windows move on by `stride` tokens.

    `progress` is called with the number of windows done. The result does not depend on how windows are batched, up to
    rounding.
    """
    windows = [
        window
        for number, ids in enumerate(documents)
        for window in _windows(number, [bos, *ids], decoder.config.context, stride)
    ]
    # Windows of like length share a batch, so that little of it is padding.
    ordered = sorted(windows, key=lambda window: len(window.tokens))
    nats = np.zeros(len(documents))
    done = 0
    for batch in _batches(ordered):
        for window, surprise in zip(batch, _nats(decoder, batch), strict=True):
            nats[window.document] += surprise
        done += len(batch)
        if progress is not None:
            progress(done)
    return nats / math.log(2)


def _windows(document: int, tokens: Sequence[int], context: int, stride: int) -> Iterator[_Window]:
    """Cut `bos + text` into windows of `context` inputs and as many targets, each target new in exactly one window."""
    scored, start = 1, 0
    while scored < len(tokens):
        end = min(start + context + 1, len(tokens))
        yield _Window(document, tokens[start:end], scored - start - 1)
        scored, start = end, start + stride


def _batches(windows: Sequence[_Window]) -> Iterator[list[_Window]]:
    batch: list[_Window] = []
    for window in windows:
        if batch and len(window.tokens) * (len(batch) + 1) > TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


@torch.no_grad()
def _nats(decoder: Decoder, batch: Sequence[_Window]) -> list[float]:
    """Return each window's summed surprise over its new targets."""
    longest = max(len(window.tokens) for window in batch)
    # Padding stands on the right, where a causal model's earlier positions cannot see it.
    tokens_BT = torch.zeros((len(batch), longest), dtype=torch.long)
    is_new_BT = torch.zeros((len(batch), longest - 1), dtype=torch.bool)
    for row, window in enumerate(batch):
        tokens_BT[row, : len(window.tokens)] = torch.tensor(window.tokens)
        is_new_BT[row, window.known : len(window.tokens) - 1] = True
    tokens_BT = tokens_BT.to(decoder.embed_tokens.weight.device)
    is_new_BT = is_new_BT.to(tokens_BT.device)
    losses = _losses(decoder, decoder(tokens_BT[:, :-1])[is_new_BT], tokens_BT[:, 1:][is_new_BT])
    sums_B = torch.zeros(len(batch), dtype=torch.float64, device=losses.device)
    return [float(nats) for nats in sums_B.index_add(0, is_new_BT.nonzero()[:, 0], losses)]


def _losses(decoder: Decoder, hidden_ND: Tensor, targets_N: Tensor) -> Tensor:
    """Return the surprise in nats of each target; a few hundred rows of logits exist at a time."""
    parts = zip(torch.split(hidden_ND, ROWS_AT_ONCE), torch.split(targets_N, ROWS_AT_ONCE), strict=True)
    return torch.cat(
        [F.cross_entropy(decoder.logits(h_ND).float(), t_N, reduction="none").double() for h_ND, t_N in parts]
    )
