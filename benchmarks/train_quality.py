"""How good a model gets in six processor-minutes: what the planner makes of them, beside a recipe made by hand.

The text is the sources of this interpreter's standard library, its tests included. Files that resemble one another
stay together, so nothing held out has a near copy in what is learned from. Both sides have 360 processor-seconds of one
thread. On Ingot's side they pay for the probe of this machine, too, and the planner chooses size, vocabulary, batch,
rate and steps by itself.

The recipe by hand is a good one of its kind: 3.3 M parameters (192 x 4), 8,192 tokens, 4 rows of 512 cut anywhere from
the text, Muon and AdamW both at 4e-3, warm-up, stable, decay. It runs on the same kernels, so what differs is what was
chosen. Both are scored in bits per byte on the same files, each up to one context.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks import trainings
from benchmarks.corpus import standard_library
from benchmarks.report import Figure, publish
from ingot.core.config import literals
from ingot.data.batch import of_texts
from ingot.data.dedup.minhash import Config as Similar
from ingot.data.dedup.minhash import duplicates
from ingot.data.shards import Shards
from ingot.data.stream import Batch, Stream
from ingot.evaluate.bits import document_bits
from ingot.model.config import ModelConfig
from ingot.plan.budget import choose
from ingot.plan.candidate import SAFETY, seconds_besides_training
from ingot.plan.config import PlanConfig
from ingot.plan.throughput import Throughput, from_probe
from ingot.tokenizer.codec import Codec
from ingot.train.config import LADDER, PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.probe import random_batch
from ingot.train.state import TrainingState, begin, reproducible, resolve_precision
from ingot.train.trainer import advance

CPU = torch.device("cpu")
SECONDS, GOAL = 360.0, 0.90
HELD_OUT_SHARE, SIMILARITY, CONTEXT, EXCERPT = 0.05, 0.5, 512, 1200
PROBED_SECONDS, MARGIN = 2.0, 0.97  # the probe's rate is not exact, and the budget is
LEFT_OUT = {"site-packages", "dist-packages"}
SCHEDULED = {"steps", "batch_size", "sequence_length", "learning_rate", "warmup_steps", "base_width"}
BY_HAND = PretrainConfig(
    ModelConfig(8192, width=192, layers=4, heads=3, kv_heads=3, head_width=64, ffn_width=512, context=CONTEXT),
    steps=1,
    batch_size=4,
    sequence_length=CONTEXT,
    learning_rate=4e-3,
    verify_every=0,
)
_LOSS = partial(next_token.loss, config=next_token.Config())


@dataclass(frozen=True)
class Outcome:
    """What a side made: its model, steps and tokens, what all of it took, and bits per byte on files not seen."""

    model: ModelConfig
    steps: int
    tokens: int
    seconds: float
    bits_per_byte: float


def sources() -> tuple[list[str], list[str]]:
    """Return files to hold out and files to learn from; what resembles one another is on one side."""
    files = sorted(standard_library().rglob("*.py"))
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if not LEFT_OUT & set(path.parts)]
    firsts = duplicates([of_texts(texts)], Similar(SIMILARITY))
    groups = np.unique(firsts)
    chosen = np.random.default_rng(0).permutation(groups)[: round(len(groups) * HELD_OUT_SHARE)]
    is_held_out = np.isin(firsts, chosen)
    order = np.random.default_rng(1).permutation(len(texts))
    # Of a group of copies one is enough to score.
    unseen = [texts[each] for each in order if is_held_out[each] and firsts[each] == each]
    return unseen, [texts[each] for each in order if not is_held_out[each]]


def excerpts(texts: Sequence[str]) -> list[str]:
    """Return a piece of every text from anywhere in it, the same for all models and short enough for any context."""
    draw = np.random.default_rng(2)
    found = [text[(at := int(draw.integers(max(len(text) - EXCERPT, 0) + 1))) : at + EXCERPT] for text in texts]
    return [text for text in found if text.strip()]


def probed() -> tuple[Throughput, float]:
    """Return this machine's throughput for one thread, in tokens per processor-second, and what it took to find."""
    began, sizes = time.process_time(), []
    for model in LADDER:
        config = PretrainConfig(model, 1_000_000, verify_every=0)
        batch = random_batch(model.vocabulary, config.batch_size, config.sequence_length)
        with reproducible(1, CPU):
            state = begin(config, 1, resolve_precision("auto", CPU), CPU)
            advance(state, batch, _LOSS, config)
            seconds = paced(state, [batch], config, PROBED_SECONDS)
        sizes.append({"model": literals(model), "tokens_per_second": batch.tokens.size / seconds})
    return from_probe({"sizes": sizes}), time.process_time() - began


def paced(state: TrainingState, batches: Sequence[Batch], config: PretrainConfig, least: float) -> float:
    """Return the processor-seconds of a step, over at least so many of them."""
    began, done = time.process_time(), 0
    while (seconds := time.process_time() - began) < least or not done:
        advance(state, batches[done % len(batches)], _LOSS, config)
        done += 1
    return seconds / done


def planned(train_bytes: int, held_out_bytes: int, seconds: float) -> tuple[PretrainConfig, float]:
    """Return what the planner would train, and the processor-seconds that finding it out left."""
    throughput, spent = probed()
    config = PlanConfig(train_bytes=train_bytes, held_out_bytes=held_out_bytes, seconds=1.0)
    budget = (MARGIN * (seconds - spent) + seconds_besides_training(config, 1)) / SAFETY
    chosen = choose(replace(config, seconds=budget), throughput, 1)
    schedule = {name: value for name, value in asdict(chosen.schedule).items() if name in SCHEDULED}
    return PretrainConfig(chosen.model, verify_every=0, **schedule), seconds - spent


def by_plan(texts: Sequence[str], unseen: Sequence[str], seconds: float, folder: Path) -> Outcome:
    """Train what the planner chooses."""
    sizes = [sum(len(text.encode()) for text in some) for some in (texts, unseen)]
    config, left = planned(sizes[0], sizes[1], seconds)
    corpus = trainings.prepare([*unseen, *texts], config.model.vocabulary, CONTEXT, folder, held_out=len(unseen))
    config = replace(config, model=replace(config.model, vocabulary=corpus.codec.vocabulary))
    stream = Stream(Shards.open(corpus.shards, "train"), config.batch_size, config.sequence_length, 0)
    with reproducible(1, CPU):
        state = begin(config, 1, resolve_precision("auto", CPU), CPU)
        began = time.process_time()
        while state.step < config.steps:
            advance(state, stream.batch(state.batch), _LOSS, config)
        spent = seconds - left + time.process_time() - began
    return outcome(state, config, spent, corpus.codec, unseen)


def by_hand(texts: Sequence[str], unseen: Sequence[str], seconds: float, folder: Path) -> Outcome:
    """Train by the recipe: the steps are what fits, found by taking a few of them."""
    corpus = trainings.prepare([*unseen, *texts], BY_HAND.model.vocabulary, CONTEXT, folder, held_out=len(unseen))
    shards = Shards.open(corpus.shards, "train")
    tokens = np.concatenate([np.asarray(shards[number].tokens) for number in range(len(shards))]).astype(np.int64)
    draw = np.random.default_rng(1)
    with reproducible(1, CPU):
        began = time.process_time()
        trial = begin(BY_HAND, 1, resolve_precision("auto", CPU), CPU)
        pace = paced(trial, [crops(tokens, draw) for _ in range(8)], replace(BY_HAND, steps=1_000_000), 3.0)
        spent = time.process_time() - began
        config = replace(BY_HAND, steps=int((seconds - spent) / pace))
        state = begin(config, 1, resolve_precision("auto", CPU), CPU)
        for group in state.optimizers[0].param_groups:
            group["scale"] = 1.0  # one rate for everything
        began = time.process_time()
        while state.step < config.steps:
            advance(state, crops(tokens, draw), _LOSS, config)
        spent += time.process_time() - began
    return outcome(state, config, spent, corpus.codec, unseen)


def crops(tokens: npt.NDArray[np.int64], draw: np.random.Generator) -> Batch:
    """Return rows cut anywhere from the text, documents running into one another."""
    starts = draw.integers(len(tokens) - CONTEXT - 1, size=BY_HAND.batch_size)
    rows = np.stack([tokens[start : start + CONTEXT + 1] for start in starts])
    return Batch(rows[:, :-1], rows[:, 1:], np.zeros(rows[:, 1:].shape, np.int32))


def outcome(
    state: TrainingState, config: PretrainConfig, seconds: float, codec: Codec, unseen: Sequence[str]
) -> Outcome:
    """Score the excerpts."""
    texts = excerpts(unseen)
    bits = document_bits(state.decoder, codec.encode_batch(texts), codec.bos, config.model.context).sum()
    size = sum(len(text.encode()) for text in texts)
    told = Outcome(config.model, state.step, state.tokens, seconds, float(bits / size))
    print(told, flush=True)
    return told


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="24 processor-seconds for each side")
    is_quick = parser.parse_args().quick
    seconds = 24.0 if is_quick else SECONDS
    torch.set_num_threads(1)
    unseen, texts = sources()
    print(f"{len(unseen)} files held out, {len(texts)} to learn from", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        ours = by_plan(texts, unseen, seconds, Path(folder, "plan"))
        theirs = by_hand(texts, unseen, seconds, Path(folder, "hand"))
    ratio = ours.bits_per_byte / theirs.bits_per_byte
    in_time = ours.seconds <= seconds
    figures = [
        Figure("bits per byte, by plan over by hand", ratio, "times", f"<= {GOAL}", verdict(ratio, in_time, is_quick)),
        Figure("bits per byte, by plan", ours.bits_per_byte, "bits per byte", "", None),
        Figure("bits per byte, by hand", theirs.bits_per_byte, "bits per byte", "", None),
        Figure("processor-seconds, by plan", ours.seconds, "CPU-s", f"<= {seconds:.0f}", None if is_quick else in_time),
        Figure("processor-seconds, by hand", theirs.seconds, "CPU-s", "beside it", None),
    ]
    details = {
        "is_quick": is_quick,
        "plan": asdict(ours),
        "hand": asdict(theirs),
        "files": {"held out": len(unseen), "learned from": len(texts)},
        "torch": torch.__version__,
    }
    publish("train_quality", figures, details)


def verdict(ratio: float, in_time: bool, is_quick: bool) -> bool | None:
    """Say whether the goal holds; a short run cannot tell."""
    return None if is_quick else ratio <= GOAL and in_time


if __name__ == "__main__":
    main()
