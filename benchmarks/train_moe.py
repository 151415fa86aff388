"""What a mixture of experts costs beside a dense model of equal active size, and what it learns for the same time.

First the cost: the model of `spine_training` (6.52 M parameters) beside one whose feed-forwards are 8 experts of half
the width, 2 for each token, whole training steps in turn at one thread, the best of all; and so for steps of twice and
four times as many tokens, in which what a step does for each weight counts less, and for the pair that learns.
Then the worth: a smaller pair learns for the same processor time, compiled, with the same optimiser, rows and rates: as
many steps as the time buys at the measured cost of a step, so that it does not matter how busy the machine is by then.
Its vocabulary is small, so that it reads several tokens for every weight a token meets: experts each see a quarter of
them, and before they have seen enough a mixture is behind. It reads questions on health, contracts and laws in German
(without them: Python's standard library). Each side tries every rate for the first of the times, and learns for longer
with the one that suited it; bits per byte on documents neither saw.

    python -m benchmarks.train_moe [--quick] [--seconds N [N ...]] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks import real_sets
from benchmarks.report import Figure, publish
from benchmarks.spine_training import CPU, LENGTH, MODEL, ROWS
from benchmarks.spine_training import shards as random_shards
from benchmarks.trainings import Corpus, Trained, as_in_a_step, prepare, train
from ingot.data.stream import Stream
from ingot.model.config import ModelConfig
from ingot.model.fusing import fused
from ingot.tokenizer.codec import Codec
from ingot.train.config import Optimizer, PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.state import TrainingState, begin, reproducible, resolve_precision
from ingot.train.trainer import advance

HELD_OUT_DOCUMENTS, SCORED_TOKENS = 40, 60_000  # of each set, and together
SMALL = ModelConfig(2048, 192, 4, 3, 1, 64, 512, context=LENGTH)
RATES, LOOKS, SMALL_ROWS, MORE_ROWS = (1.3e-3, 2e-3, 3e-3), 8, 8, (8, 16)
LOSS = partial(next_token.loss, config=next_token.Config())


@dataclass(frozen=True)
class Kind:
    """Whose steps are timed: the larger pair's or the smaller's, of which a mixture or not, and how."""

    name: str
    is_small: bool = False
    optimizer: Optimizer = "adamw"
    is_compiled: bool = True
    rows: int = ROWS

    @property
    def model(self) -> ModelConfig:
        """Its model."""
        dense = SMALL if self.is_small else MODEL
        return mixture(dense) if self.name == "mixture" else dense


def mixture(dense: ModelConfig) -> ModelConfig:
    """Return the model with 8 experts, of which a token meets 2 that together are as wide as the feed-forward was."""
    return replace(dense, experts=8, experts_per_token=2, expert_ffn_width=dense.ffn_width // 2, balance_loss=0.01)


def state_of(config: PretrainConfig) -> TrainingState:
    """Return the state before the first step."""
    return begin(config, 1, resolve_precision("auto", CPU), CPU)


def costs(rounds: int, steps: int) -> dict[Kind, list[float]]:
    """Return the processor seconds of steps of each kind, in turn."""
    hows: list[dict[str, Any]] = [
        {},
        {"is_compiled": False},
        {"optimizer": "muon"},
        {"is_small": True, "rows": SMALL_ROWS},
        *({"rows": rows} for rows in MORE_ROWS),
    ]
    kinds = [Kind(name, **how) for how in hows for name in ("dense", "mixture")]
    seconds: dict[Kind, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        data = {
            size: random_shards(Path(folder) / str(size), 256, size) for size in (MODEL.vocabulary, SMALL.vocabulary)
        }
        streams = {kind: Stream(data[kind.model.vocabulary], kind.rows, LENGTH, seed=0) for kind in kinds}
        sides = {}
        for kind in kinds:
            sizes = (kind.model, 1_000_000, kind.rows, LENGTH)
            config = PretrainConfig(*sizes, optimizer=kind.optimizer, learning_rate=1e-4)
            sides[kind] = config, state_of(config)
        for done in range(rounds):
            for kind, (config, state) in sides.items():
                with reproducible(1, CPU), fused(kind.is_compiled):
                    for step in range(steps + 1):
                        began = time.process_time()
                        advance(state, streams[kind].batch(state.step), LOSS, config)
                        if step:  # the first is the one after another model's
                            seconds[kind].append(time.process_time() - began)
            print(f"round {done + 1}: {[round(min(found), 4) for found in seconds.values()]}", file=sys.stderr)
    return seconds


def texts(folder: Path) -> tuple[list[str], int]:
    """Return the texts, some of every set first, which are kept aside, and how many those are."""
    sets = real_sets.load(folder).values()
    aside = [text for some in sets for text in some[:HELD_OUT_DOCUMENTS]]
    return [*aside, *(text for some in sets for text in some[HELD_OUT_DOCUMENTS:])], len(aside)


@dataclass(frozen=True)
class Learned:
    """What one model reached in so much processor time, at the measured cost of its step."""

    name: str
    budget_seconds: float
    parameters: int
    tokens: int
    trained: Trained


def learned(corpus: Corpus, budgets: Sequence[float], step_seconds: Mapping[str, float], beside: int) -> list[Learned]:
    """Return what the smaller pair reaches in each time: in the first with each rate, then with each side's best.

    `beside` trainings run at once, each in a process.
    """
    kinds = [Kind(name, True, rows=SMALL_ROWS) for name in ("mixture", "dense")]
    # One that has not encoded yet: what it encodes with does not cross to another process.
    corpus = replace(corpus, codec=Codec.load(corpus.shards.parent / "tokenizer"))
    with ProcessPoolExecutor(beside, get_context("spawn"), torch.set_num_threads, (1,)) as processes:

        def all_of(budget: float, tries: Iterable[tuple[float, Kind]]) -> list[Learned]:
            answers = [
                processes.submit(_learned, corpus, kind, budget, step_seconds[kind.name], rate) for rate, kind in tries
            ]
            return [answer.result() for answer in answers]

        found = all_of(budgets[0], product(RATES, kinds))
        suited = [(_best(found, kind.name, budgets[0]).trained.rate, kind) for kind in kinds]
        return [*found, *(each for budget in budgets[1:] for each in all_of(budget, suited))]


def _learned(corpus: Corpus, kind: Kind, budget: float, step_seconds: float, rate: float) -> Learned:
    steps = round(budget / step_seconds)
    looked: dict[str, Any] = {"warmup_steps": 30, "evaluate_every": max(steps // LOOKS, 1)}
    config = PretrainConfig(kind.model, steps, kind.rows, LENGTH, optimizer="adamw", learning_rate=rate, **looked)
    with fused(True):
        told = train(corpus, config)
    return Learned(kind.name, budget, kind.model.parameters, steps * kind.rows * LENGTH, told)


def figures(seconds: Mapping[Kind, list[float]], found: Sequence[Learned]) -> list[Figure]:
    """Return what was found, and the goals it is held against."""

    def ratio(**how: Any) -> float:
        return min(seconds[Kind("mixture", **how)]) / min(seconds[Kind("dense", **how)])

    told = []
    for is_compiled, how in ((True, "compiled"), (False, "eager")):
        cost = ratio(is_compiled=is_compiled)
        name = f"8 experts, 2 a token, over dense, {ROWS * LENGTH:,} tokens a step, AdamW, {how}"
        told.append(Figure(name, cost, "times", "<= 1.2", cost <= 1.2))
    for rows in MORE_ROWS:
        cost, name = ratio(rows=rows), f"the same, {rows * LENGTH:,} tokens a step, AdamW, compiled"
        told.append(Figure(name, cost, "times", "<= 1.2", cost <= 1.2))
    orthogonal = "the same, Muon, compiled (every expert is made orthogonal)"
    told.append(Figure(orthogonal, ratio(optimizer="muon"), "times", "", None))
    small = ratio(is_small=True, rows=SMALL_ROWS)
    told.append(Figure("the pair that learns, AdamW, compiled", small, "times", "", None))
    budgets = sorted({each.budget_seconds for each in found})
    for budget in budgets:
        dense, mixed = (_best(found, name, budget).trained.bits_per_byte for name in ("dense", "mixture"))
        after = f"held out after {budget:g} processor-seconds"
        holds = mixed < dense if budget == budgets[-1] else None
        told.append(Figure(f"mixture, {after}", mixed, "bits per byte", f"< {dense:.4f}", holds))
        told.append(Figure(f"dense, {after}", dense, "bits per byte", "", None))
    return told


def _best(found: Sequence[Learned], name: str, budget: float) -> Learned:
    """Return the training of one side with the rate that suits it best."""
    tried = [each for each in found if (each.name, each.budget_seconds) == (name, budget)]
    return min(tried, key=lambda each: each.trained.bits_per_byte)


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 rounds, 10 seconds of learning")
    parser.add_argument("--seconds", type=float, nargs="+", default=[240.0, 1500.0], help="shortest first")
    parser.add_argument("--beside", type=int, default=1, help="trainings at once; what they take is counted in steps")
    real_sets.add_option(parser)
    arguments = parser.parse_args()
    as_in_a_step()
    torch.set_num_threads(1)
    rounds, steps, budgets = (2, 3, [10.0]) if arguments.quick else (6, 4, arguments.seconds)
    seconds = costs(rounds, steps)
    with tempfile.TemporaryDirectory() as folder:
        known, aside = texts(arguments.data)
        corpus = prepare(known, SMALL.vocabulary, LENGTH, Path(folder) / "corpus", aside, SCORED_TOKENS)
        step_seconds = {kind.name: min(taken) for kind, taken in seconds.items() if kind.is_small}
        found = learned(corpus, budgets, step_seconds, arguments.beside)
    details = {
        "is_quick": arguments.quick,
        "threads": 1,
        "allocator": os.environ["GLIBC_TUNABLES"],
        "torch": torch.__version__,
        "precision": resolve_precision("auto", CPU),
        "learned": [asdict(each) for each in found],
        "seconds_per_step": [{**asdict(kind), "seconds": taken} for kind, taken in seconds.items()],
    }
    publish("train_moe", figures(seconds, found), details)


if __name__ == "__main__":
    main()
