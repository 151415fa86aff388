"""Small trainings for figures about training: texts become shards once, then models of any size learn from them.

All on one thread, with the trainer's own step, the same rows in the same order for every model; held-out documents are
scored in bits per byte, each up to one context.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ingot.core.hardware import KERNELS_KEPT, MEMORY_KEPT
from ingot.data.shards import Shards, tokenize
from ingot.data.stream import Stream
from ingot.evaluate.bits import document_bits
from ingot.model.decoder import Decoder
from ingot.model.fusing import fused
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.config import PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.state import begin, reproducible, resolve_precision
from ingot.train.trainer import advance

CPU = torch.device("cpu")
_TOKENIZER_BYTES = 4_000_000


@dataclass(frozen=True)
class Corpus:
    """Shards and a tokenizer on disk, and the ids of documents that are not in the shards."""

    shards: Path
    codec: Codec
    unseen: Sequence[Sequence[int]]
    unseen_bytes: int
    train_bytes: int


@dataclass(frozen=True)
class Trained:
    """One training: its size, length and rate, what it took in processor-seconds, and what came of it.

    `looks` are the figures on the way, by steps done; it ended early when `steps` is less than was asked for.
    """

    width: int
    layers: int
    steps: int
    rate: float
    seconds: float
    loss: float
    bits_per_byte: float
    looks: Mapping[int, float] = field(default_factory=dict)


def as_in_a_step() -> None:
    """Start this script anew with the allocator and the kernels that a training's own process has, unless it has them.

    Both are settled when a process begins. Peers that it starts, or runs in itself, get the same.
    """
    wanted = {**MEMORY_KEPT, **KERNELS_KEPT, "OMP_NUM_THREADS": "1"}
    if not wanted.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **wanted})


def prepare(
    texts: Sequence[str], vocabulary: int, context: int, folder: Path, held_out: int = 40, scored_tokens: int = 24_000
) -> Corpus:
    """Learn a vocabulary, write shards, and keep the first `held_out` texts aside."""
    folder.mkdir(parents=True, exist_ok=True)
    known, tokenizer = texts[held_out:], folder / "tokenizer"
    tokenizer.mkdir()
    write(learn(_limited(known, _TOKENIZER_BYTES), vocabulary), tokenizer)
    for split, some in (("train", known), ("held_out", texts[:held_out])):
        path = folder / f"dataset/shards/00000/{split}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"doc_id": [f"{split}-{n}" for n in range(len(some))], "text": list(some)}), path)
    (folder / "shards").mkdir()
    tokenize(folder / "dataset", tokenizer, folder / "shards", 0, lambda *_, **__: None, 1)
    codec = Codec.load(tokenizer)
    unseen, left = [], scored_tokens
    for ids in codec.encode_batch(list(texts[:held_out])):
        unseen.append(list(ids[: min(context, max(left, 0))]))
        left -= len(unseen[-1])
    unseen = [ids for ids in unseen if ids]
    size = sum(len(codec.token_bytes(token)) for ids in unseen for token in ids)
    return Corpus(folder / "shards", codec, unseen, size, sum(len(text.encode()) for text in known))


def bits_per_byte(decoder: Decoder, corpus: Corpus) -> float:
    """Return the figure on the documents that were kept aside."""
    with fused(False):  # as in a training: their lengths differ, and it is soon over
        bits = document_bits(decoder, corpus.unseen, corpus.codec.bos, decoder.config.context)
    return float(bits.sum() / corpus.unseen_bytes)


def train(corpus: Corpus, config: PretrainConfig, is_over: Callable[[int, float], bool] = lambda *_: False) -> Trained:
    """Train with these settings and return what came of it; looks on the way are counted, the last figure is not.

    `is_over` is told each look (steps done, bits per byte) and may end the training.
    """
    config = replace(config, model=replace(config.model, vocabulary=corpus.codec.vocabulary), verify_every=0)
    stream = Stream(Shards.open(corpus.shards, "train"), config.batch_size, config.sequence_length, config.seed)
    loss = partial(next_token.loss, config=next_token.Config())
    losses, looks, seconds = [], {}, 0.0
    with reproducible(1, CPU), torch.random.fork_rng():
        state = begin(config, 1, resolve_precision("auto", CPU), CPU)
        while state.step < config.steps:
            began = time.process_time()
            losses.append(advance(state, stream.batch(state.batch), loss, config).loss)
            is_look = config.evaluate_every and state.step % config.evaluate_every == 0 and state.step < config.steps
            if is_look:
                looks[state.step] = bits_per_byte(state.decoder, corpus)
            seconds += time.process_time() - began
            if is_look and is_over(state.step, looks[state.step]):
                break
    last = losses[-max(len(losses) // 20, 1) :]
    model = config.model
    told = Trained(
        model.width,
        model.layers,
        state.step,
        config.learning_rate,
        seconds,
        float(np.mean(last)),
        bits_per_byte(state.decoder, corpus),
        looks,
    )
    print(told, flush=True)
    return told


def _limited(texts: Sequence[str], limit: int) -> list[str]:
    taken, left = [], limit
    for text in texts:
        if left <= 0:
            break
        taken.append(text)
        left -= len(text)
    return taken
