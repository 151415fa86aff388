"""What a mixture of experts costs beside a dense model of equal active size, and what it learns for the same time.

First the cost: the model of `spine_training` (6.52 M parameters) beside one whose feed-forwards are 8 experts of half
the width, 2 for each token, whole training steps in turn at one thread, the best of all. Then the worth: both, smaller,
learn Python's standard library for the same processor time, the number of steps found from what a step costs, with the
same optimiser, rate and rows; bits per byte on files that neither saw.

    python benchmarks/train_moe.py [--quick] [--seconds N] [--corpus FOLDER]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmarks.corpus import LEFT_OUT, standard_library
from benchmarks.report import Figure, publish
from benchmarks.spine_training import CPU, LENGTH, MODEL, ROWS
from benchmarks.spine_training import shards as random_shards
from benchmarks.train_transfer import bits_per_byte, shards
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.model.config import ModelConfig
from ingot.model.fusing import fused
from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn, write
from ingot.train.config import Optimizer, PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.state import TrainingState, begin, reproducible, resolve_precision
from ingot.train.trainer import advance

VOCABULARY, LEARNED_ROWS, RATE, HELD_OUT = 4096, 4, 2e-3, 0.05
LOSS = partial(next_token.loss, config=next_token.Config())
Kind = tuple[str, Optimizer, bool]


def mixture(dense: ModelConfig) -> ModelConfig:
    """Return the model with 8 experts, of which a token meets 2 that together are as wide as the feed-forward was."""
    return replace(dense, experts=8, experts_per_token=2, expert_ffn_width=dense.ffn_width // 2, balance_loss=0.01)


def state_of(config: PretrainConfig) -> TrainingState:
    """Return the state before the first step."""
    return begin(config, 1, resolve_precision("auto", CPU), CPU)


def costs(rounds: int, steps: int) -> dict[Kind, list[float]]:
    """Return the processor seconds of the steps of both models, with both optimisers, compiled and not, in turn."""
    models = {"dense": MODEL, "mixture": mixture(MODEL)}
    kinds: list[tuple[Optimizer, bool]] = [("adamw", True), ("adamw", False), ("muon", True)]
    seconds: dict[Kind, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        stream = Stream(random_shards(Path(folder) / "shards", rows=256), ROWS, LENGTH, seed=0)
        sides = {}
        for optimizer, is_compiled in kinds:
            for name, model in models.items():
                config = PretrainConfig(model, 1_000_000, ROWS, LENGTH, optimizer=optimizer, learning_rate=1e-4)
                sides[name, optimizer, is_compiled] = config, state_of(config)
        for done in range(rounds):
            for side, (config, state) in sides.items():
                with reproducible(1, CPU), fused(side[2]):
                    for step in range(steps + 1):
                        began = time.process_time()
                        advance(state, stream.batch(state.step), LOSS, config)
                        if step:  # the first is the one after another model's
                            seconds.setdefault(side, []).append(time.process_time() - began)
            print(f"round {done + 1}: {[round(min(found), 4) for found in seconds.values()]}", file=sys.stderr)
    return seconds


def texts(folder: Path) -> tuple[list[str], list[str]]:
    """Return the corpus, and the files kept aside."""
    files = [path for path in sorted(folder.rglob("*.py")) if not set(path.parts) & set(LEFT_OUT)]
    random.Random(0).shuffle(files)
    read = [path.read_text(encoding="utf-8", errors="replace") for path in files]
    count = max(1, round(len(read) * HELD_OUT))
    return [text for text in read[count:] if text], [text for text in read[:count] if text]


def learned(corpus: tuple[list[str], list[str]], seconds: float) -> dict[str, dict[str, float]]:
    """Return what a dense model and a mixture reach in so much processor time."""
    dense = ModelConfig(VOCABULARY, 192, 4, 3, 1, 64, 512, context=LENGTH)
    found = {}
    with tempfile.TemporaryDirectory() as place:
        tokenizer = Path(place) / "tokenizer"
        tokenizer.mkdir()
        write(learn(corpus[0][:400], VOCABULARY), tokenizer)
        codec = Codec.load(tokenizer)
        folder = Path(place) / "data"
        folder.mkdir()
        data = Shards.open(shards(*corpus, tokenizer, folder), "train")
        for name, model in {"dense": dense, "mixture": mixture(dense)}.items():
            found[name] = _train(model, data, seconds, corpus[1], codec)
            print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    return found


def _train(model: ModelConfig, data: Shards, seconds: float, held_out: Sequence[str], codec: Codec) -> dict[str, float]:
    def settings(steps: int) -> PretrainConfig:
        sizes = (model, steps, LEARNED_ROWS, LENGTH)
        return PretrainConfig(*sizes, optimizer="adamw", learning_rate=RATE, warmup_steps=30, verify_every=0)

    stream = Stream(data, LEARNED_ROWS, LENGTH, seed=0)
    with reproducible(1, CPU):
        config, taken = settings(1_000_000), []
        state = state_of(config)
        while state.step < 10:
            began = time.process_time()
            advance(state, stream.batch(state.step), LOSS, config)
            taken.append(time.process_time() - began)
        steps = round(seconds / statistics.median(taken[2:]))
        config = settings(steps)
        state, began = state_of(config), time.process_time()
        while state.step < steps:
            advance(state, stream.batch(state.step), LOSS, config)
        spent = time.process_time() - began
    bits = bits_per_byte(state.decoder, held_out, codec)
    tokens = steps * LEARNED_ROWS * LENGTH
    return {"steps": steps, "tokens": tokens, "seconds": spent, "bits": bits, "parameters": model.parameters}


def figures(seconds: dict[Kind, list[float]], found: dict[str, dict[str, float]]) -> list[Figure]:
    """Return what was found, and the goals it is held against."""
    best = {side: min(taken) for side, taken in seconds.items()}

    def ratio(optimizer: Optimizer, is_compiled: bool) -> float:
        return best["mixture", optimizer, is_compiled] / best["dense", optimizer, is_compiled]

    told = []
    for is_compiled, how in ((True, "compiled"), (False, "eager")):
        cost = ratio("adamw", is_compiled)
        told.append(Figure(f"8 experts, 2 a token, over dense, AdamW, {how}", cost, "times", "<= 1.2", cost <= 1.2))
    told.append(
        Figure("the same, Muon, compiled (every expert is made orthogonal)", ratio("muon", True), "times", "", None)
    )
    dense, mixed = found["dense"], found["mixture"]
    is_lower = mixed["bits"] < dense["bits"]
    told.append(Figure("mixture, held out", mixed["bits"], "bits per byte", f"< {dense['bits']:.4f}", is_lower))
    told.append(Figure("dense, held out, equal processor time", dense["bits"], "bits per byte", "", None))
    told.append(Figure("processor time, mixture over dense", mixed["seconds"] / dense["seconds"], "times", "", None))
    return told


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 rounds, 10 seconds of learning")
    parser.add_argument("--seconds", type=float, default=120.0, help="of learning, for each model")
    parser.add_argument("--corpus", type=Path, default=standard_library(), help="a folder with Python files")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rounds, steps, learning = (2, 3, 10.0) if arguments.quick else (4, 3, arguments.seconds)
    seconds = costs(rounds, steps)
    found = learned(texts(arguments.corpus), learning)
    details = {
        "is_quick": arguments.quick,
        "threads": 1,
        "torch": torch.__version__,
        "precision": resolve_precision("auto", CPU),
        "learned": found,
        "rate": RATE,
        "seconds_per_step": {" ".join(map(str, side)): taken for side, taken in seconds.items()},
    }
    publish("train_moe", figures(seconds, found), details)


if __name__ == "__main__":
    main()
