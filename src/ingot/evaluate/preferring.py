"""How often a model finds the better of two answers the likelier one: while it learns to, and in a report at the end.

Pairs were kept aside with the shards (data/preferences), by what both answer to. Of each the log-probability of both
answers is compared with that under the model the training began with:

    accuracy          in which share of pairs the better answer gained on the worse one
    margin            by how many nats it did, in the mean
    likelier          in which share the better answer is the likelier one, now
    likelier_before   ... and under the model the training began with

The hook `preferring` reads a fixed slice of them; the step `report` all, keeps every pair in `results.jsonl`, and gives
each figure its 95% interval (Wilson's for shares, a bootstrap over pairs for the margin).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from ingot.core.storage import write_atomically
from ingot.data.shards import Shards
from ingot.evaluate.bits import ROWS_AT_ONCE
from ingot.evaluate.config import PreferringConfig
from ingot.evaluate.results import METRICS_FILE, RESULTS_FILE, Result, measured
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import answer_masks
from ingot.tokenizer.codec import Codec

SLICE_PAIRS = 64
ACCURACY, MARGIN = "preference_accuracy", "preference_margin"

Ids = npt.NDArray[np.int64]
Logs = tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """Two conversations of which the first ends better, without what fills their row, and where they were written."""

    where: str
    chosen: Ids
    rejected: Ids


def preferring(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    """Return `preference_accuracy` and `preference_margin` on some held-out pairs; nothing when there are none."""
    folders = inputs["shards"].path, inputs["tokenizer"].path
    codec = Codec.load(folders[1])
    pairs = list(islice(pairs_of(folders[0], codec), SLICE_PAIRS))
    if not pairs:
        return {}
    device = decoder.embed_tokens.weight.device
    before = np.array(_slice_before(inputs["start"].path, *folders, decoder.dtype, device))
    gained = np.array([weigh(decoder, pair, codec) for pair in pairs]) - before
    margins = gained[:, 0] - gained[:, 1]
    return {ACCURACY: float((margins > 0).mean()), MARGIN: float(margins.mean())}


def report(config: PreferringConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Compare the `checkpoint` with its `start` on all held-out pairs of the `shards`.

    Both compute in float32, whatever the training did. Without held-out pairs there are no figures, and it says so.
    """
    # Rounding depends on the number of threads: pin it, so that a repeat on the same machine gives the same digits.
    torch.set_num_threads(context.cores)
    codec = Codec.load(inputs["tokenizer"].path)
    pairs = list(pairs_of(inputs["shards"].path, codec))
    told = {name: _weighed(inputs[name].path, pairs, codec, context) for name in ("start", "checkpoint")}
    results = [
        _result(pair.where, before, after)
        for pair, before, after in zip(pairs, told["start"], told["checkpoint"], strict=True)
    ]
    figures = measured(results, config.resamples, config.seed)
    write_atomically(context.folder / RESULTS_FILE, "".join(result.as_line() for result in results))
    write_atomically(context.folder / METRICS_FILE, json.dumps(figures, indent=1) + "\n")
    if not pairs:
        context.emit("warning", text="no pair was kept aside, so nobody has measured whether it prefers better answers")
        return {"pairs": 0, "metrics": {}}
    accuracy, margin = figures["accuracy"], figures["margin"]
    return {
        "pairs": len(pairs),
        "metrics": figures,
        ACCURACY: accuracy["value"],
        f"{ACCURACY}_interval": [accuracy["low"], accuracy["high"]],
        MARGIN: margin["value"],
    }


def pairs_of(shards: Path, codec: Codec) -> Iterator[Pair]:
    """Yield the held-out pairs of preference shards, in which two documents after one another are a pair."""
    opened = Shards.open(shards, "held_out")
    for shard in map(opened.__getitem__, range(len(opened))):
        documents = [_without_filling(ids, codec.eos) for ids in shard.in_documents()]
        places = (name.rpartition("#")[0] for name in shard.doc_ids(0, len(documents))[::2])
        for where, chosen, rejected in zip(places, documents[::2], documents[1::2], strict=True):
            yield Pair(where, chosen, rejected)


@torch.no_grad()
def weigh(decoder: Decoder, pair: Pair, codec: Codec) -> Logs:
    """Return the log-probabilities of both answers, in nats."""
    masks = answer_masks(pair.chosen, pair.rejected, codec)
    chosen, rejected = (
        _answer(decoder, ids, mask) for ids, mask in zip((pair.chosen, pair.rejected), masks, strict=True)
    )
    return chosen, rejected


def _answer(decoder: Decoder, ids: Ids, mask: npt.NDArray[np.bool_]) -> float:
    tokens_T = torch.from_numpy(ids).to(decoder.embed_tokens.weight.device)
    said_N = torch.from_numpy(np.flatnonzero(mask)).to(tokens_T.device)
    # What is said is predicted one place before it stands.
    hidden_ND, targets_N = decoder(tokens_T[None, :-1])[0][said_N - 1], tokens_T[said_N]
    parts = zip(torch.split(hidden_ND, ROWS_AT_ONCE), torch.split(targets_N, ROWS_AT_ONCE), strict=True)
    return -sum(float(F.cross_entropy(decoder.logits(h_ND).float(), t_N, reduction="sum")) for h_ND, t_N in parts)


@lru_cache(maxsize=1)
def _slice_before(
    start: Path, shards: Path, tokenizer: Path, dtype: torch.dtype, device: torch.device
) -> tuple[Logs, ...]:
    """Return what the training's start thinks of the slice: once a training, for the answer never changes."""
    codec, decoder = Codec.load(tokenizer), load(start, dtype).eval().to(device)
    return tuple(weigh(decoder, pair, codec) for pair in islice(pairs_of(shards, codec), SLICE_PAIRS))


def _weighed(model: Path, pairs: Sequence[Pair], codec: Codec, context: StepContext) -> list[Logs]:
    if not pairs:
        return []
    decoder, found = load(model).eval(), list[Logs]()
    for number, pair in enumerate(pairs, start=1):
        found.append(weigh(decoder, pair, codec))
        context.emit("progress", done=number, total=len(pairs), unit="pairs")
    return found


def _result(where: str, before: Logs, after: Logs) -> Result:
    margin = (after[0] - before[0]) - (after[1] - before[1])
    scores = {
        "accuracy": float(margin > 0),
        "margin": margin,
        "likelier": float(after[0] > after[1]),
        "likelier_before": float(before[0] > before[1]),
    }
    answer = "chosen" if after[0] > after[1] else "rejected"
    return Result(where, "", "", answer, "chosen", scores, (*before, *after))


def _without_filling(ids: Any, end: int) -> Ids:
    whole = np.asarray(ids, dtype=np.int64)
    return whole[: int(np.flatnonzero(whole == end)[0]) + 1]
