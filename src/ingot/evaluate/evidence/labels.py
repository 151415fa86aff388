"""A downstream test: which kind of question an answer belongs to, told from what a model makes of the answer.

Of what the embedding and every layer make of a text, the mean and the largest value over its tokens are taken, and a
logistic regression is fitted on top; the model itself is not changed. Beside it stands the same regression on hashed
words and pairs of words, which knows no model at all. Both choose how strongly they are held back by the same rule:
what does best on a part of the examples that they did not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ingot.data.text_classifier import features
from ingot.evaluate.evidence.choosing import Chosen
from ingot.model.decoder import Decoder
from ingot.tokenizer.codec import Codec

PENALTIES = (1e-2, 1e-3, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6, 3e-7)
_FOLDS, _STEPS = 3, 40
_TOKENS_AT_ONCE = 8192


@dataclass(frozen=True)
class Told:
    """Which items were told right, and how strongly the regression was held back."""

    right: NDArray[np.bool_]
    penalty: float


def told_by_model(decoder: Decoder, codec: Codec, examples: Sequence[Chosen], items: Sequence[Chosen]) -> Told:
    """Return which items a model tells right."""
    rows = pooled(decoder, codec, [each.text for each in (*examples, *items)])
    mean, spread = rows[: len(examples)].mean(0), rows[: len(examples)].std(0).clamp(min=1e-6)
    return _told((rows - mean) / spread / rows.shape[1] ** 0.5, examples, items)


def told_by_words(examples: Sequence[Chosen], items: Sequence[Chosen]) -> Told:
    """Return which items their words tell right."""
    places: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float64]] = []
    for each in (*examples, *items):
        columns, value = features(each.text)
        places.append(columns)
        values.append(value)
    lengths = torch.tensor([len(each) for each in places])
    row = torch.repeat_interleave(torch.arange(len(places)), lengths)
    column = torch.from_numpy(np.concatenate(places))
    counts = torch.from_numpy(np.concatenate(values)).float()
    # What stands in one text alone tells nothing about another; without it there is a fifth of the weights.
    _, column, often = torch.unique(column, return_inverse=True, return_counts=True)
    is_kept = often[column] > 1
    place = torch.cumsum(often > 1, 0) - 1
    where = torch.stack([row, place[column]])[:, is_kept]
    shape = (len(places), int((often > 1).sum()))
    rows = torch.sparse_coo_tensor(where, counts[is_kept], shape, check_invariants=True)
    return _told(rows.coalesce(), examples, items)


@torch.inference_mode()
def pooled(decoder: Decoder, codec: Codec, texts: Sequence[str]) -> Tensor:
    """Return for each text the means, and then the largest values, of each stage over its tokens.

    Stages are the embedding, every layer, and what the last norm makes of the last one: [N, 2 * (layers + 2) * D].
    """
    kept: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda _, __, out: kept.append(out[0])) for layer in decoder.layers]
    rows = torch.zeros(len(texts), 2 * (len(decoder.layers) + 2) * decoder.config.width)
    ids = [[codec.bos, *each][: decoder.config.context] for each in codec.encode_batch(list(texts))]
    order = sorted(range(len(ids)), key=lambda number: len(ids[number]))
    try:
        for batch in _batches(order, ids):
            longest = max(len(ids[number]) for number in batch)
            tokens_BT = torch.zeros(len(batch), longest, dtype=torch.long)
            is_text_BT1 = torch.zeros(len(batch), longest, 1, dtype=torch.bool)
            for place, number in enumerate(batch):
                tokens_BT[place, : len(ids[number])] = torch.tensor(ids[number])
                is_text_BT1[place, : len(ids[number])] = True
            kept.clear()
            last = decoder(tokens_BT)
            stages = [each.float() for each in (decoder.embed_tokens(tokens_BT), *kept, last)]
            means = [(each * is_text_BT1).sum(1) / is_text_BT1.sum(1) for each in stages]
            most = [each.masked_fill(~is_text_BT1, -torch.inf).amax(1) for each in stages]
            rows[torch.tensor(batch)] = torch.cat([*means, *most], dim=1)
    finally:
        for hook in hooks:
            hook.remove()
    return rows


def _batches(order: Sequence[int], ids: Sequence[Sequence[int]]) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    for number in order:
        if batches[-1] and (len(batches[-1]) + 1) * len(ids[number]) > _TOKENS_AT_ONCE:
            batches.append([])
        batches[-1].append(number)
    return batches


def _told(rows: Tensor, examples: Sequence[Chosen], items: Sequence[Chosen]) -> Told:
    names = sorted({each.label for each in (*examples, *items)})
    labels = torch.tensor([names.index(each.label) for each in (*examples, *items)])
    train = torch.arange(len(examples))
    penalty = _best(rows, labels, train, len(names))
    weights = fit(_rows(rows, train), labels[train], len(names), penalty)
    asked = torch.arange(len(examples), len(labels))
    right = (_rows(rows, asked) @ weights).argmax(1) == labels[asked]
    return Told(right.numpy().astype(np.bool_), penalty)


def _best(rows: Tensor, labels: Tensor, train: Tensor, classes: int) -> float:
    """Return the penalty with which the others tell most of a third of the examples right; the strongest of a tie."""
    is_asked = train % _FOLDS == 0
    known, asked = train[~is_asked], train[is_asked]
    weights, right = None, []
    for penalty in PENALTIES:
        # From strong to weak, each begun where the last one ended, which is near.
        weights = fit(_rows(rows, known), labels[known], classes, penalty, weights)
        right.append(int(((_rows(rows, asked) @ weights).argmax(1) == labels[asked]).sum()))
    return PENALTIES[right.index(max(right))]


def _rows(rows: Tensor, numbers: Tensor) -> Tensor:
    return rows.index_select(0, numbers)


def fit(rows: Tensor, labels: Tensor, classes: int, penalty: float, start: Tensor | None = None) -> Tensor:
    """Return the weights [columns, classes] of a multinomial logistic regression with an L2 penalty.

    The problem is convex and is begun at zero, or at `start`, so the answer depends on no seed.
    """
    weights = (torch.zeros(rows.shape[1], classes) if start is None else start.clone()).requires_grad_()
    solver = torch.optim.LBFGS([weights], max_iter=_STEPS, history_size=8, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = F.cross_entropy(rows @ weights, labels) + 0.5 * penalty * (weights**2).sum()
        value.backward()  # type: ignore[no-untyped-call]  # torch has not typed it
        return value

    with torch.enable_grad():
        solver.step(loss)  # type: ignore[no-untyped-call, unused-ignore]  # torch has not typed it everywhere
    return weights.detach()
