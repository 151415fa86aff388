"""Passages a model can say word for word: the beginning is shown, and every next token must be its most probable one.

As many tokens are shown as must be said (Carlini et al. 2023, "Quantifying memorization across neural language
models", section 3). Where each token is the most probable one after the real text before it, greedy decoding writes
exactly that text, so one reading of the passage tells what decoding it token by token would. Held-out text of the same
kind, cut in the same way, says how much of it is phrase that any text of the kind has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.data.canaries import is_canary
from ingot.data.shard import Shard
from ingot.data.shards import Shards
from ingot.evaluate.intervals import wilson
from ingot.evaluate.likelihood import Weigher

_MARKS = 2  # a document stands between one at its beginning and one at its end
_MOST_DRAWS = 16
_SPARE = 2  # times as many documents are looked at as are wanted: some are canaries


@dataclass(frozen=True)
class Passage:
    """What is shown and what must be said, as token ids."""

    shown: tuple[int, ...]
    wanted: tuple[int, ...]


def cut(shards: Shards, count: int, tokens: int, seed: int) -> list[Passage]:
    """Cut `count` passages from documents drawn by lot, wherever in them.

    Each document gives one; where there are fewer, they are drawn again, up to the passages that fit into all of them.
    """
    lot = np.random.default_rng(seed)
    room = [_room(shards[number], 2 * tokens) for number in range(len(shards))]
    long_enough = [np.flatnonzero(each) for each in room]
    ends = np.cumsum([len(documents) for documents in long_enough], dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    found: list[Passage] = []
    for _ in range(min(_MOST_DRAWS, max((int(each.max(initial=0)) for each in room), default=0))):
        for place in lot.choice(total, min(total, _SPARE * count), replace=False).tolist():
            number = int(np.searchsorted(ends, place, side="right"))
            document = int(long_enough[number][place - int(ends[number - 1] if number else 0)])
            passage = _passage(shards[number], document, tokens, lot)
            if len(found) < count and passage is not None:
                found.append(passage)
    return found[: sum(int(each.sum()) for each in room)]


def _passage(shard: Shard, document: int, tokens: int, lot: np.random.Generator) -> Passage | None:
    begin = int(shard.starts[document])
    end = int(shard.starts[document + 1]) if document + 1 < shard.document_count else shard.token_count
    # Without the mark at its end: whatever must be said is text. The mark at its beginning may be shown.
    first = begin + int(lot.integers(0, end - begin - 2 * tokens))
    if is_canary(shard.doc_ids(document, document + 1)[0]):
        return None
    ids = shard.tokens[first : first + 2 * tokens].tolist()
    return Passage(tuple(ids[:tokens]), tuple(ids[tokens:]))


def recited(weigher: Weigher, passages: Sequence[Passage]) -> list[bool]:
    """Say of each passage whether greedy decoding says it word for word."""
    weighed = weigher.weigh_ids([(each.shown, each.wanted) for each in passages])
    return [each.is_greedy for each in weighed]


def as_facts(tokens: int, trained: Sequence[bool], held_out: Sequence[bool]) -> dict[str, Any]:
    """Return what was found, as JSON literals; shares have their 95% interval, None where nothing was tried."""
    return {
        "tokens": tokens,
        "passages": len(trained),
        "recited": sum(trained),
        "interval": _interval(trained),
        "held_out_passages": len(held_out),
        "held_out_recited": sum(held_out),
        "held_out_interval": _interval(held_out),
    }


def _interval(found: Sequence[bool]) -> list[float] | None:
    if not found:
        return None
    share = wilson(sum(found), len(found))
    return [round(float(end), 4) for end in (share.low, share.high) if end is not None]


def _room(shard: Shard, tokens: int) -> npt.NDArray[np.int64]:
    """Return how many passages of so many tokens fit into each document, between its marks."""
    lengths = np.diff(shard.starts.astype(np.int64), append=shard.token_count)
    return np.maximum(lengths - _MARKS, 0) // tokens
