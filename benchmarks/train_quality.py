"""How good a model gets in six processor-minutes: what the planner makes of them, beside a plain recipe.

The text is the sources of this interpreter's standard library, its tests included. Files that resemble one another
stay together, so nothing held out has a near copy in what is learned from. Each side has 360 processor-seconds of one
thread, in turns of some seconds, so that a slower minute of the machine is everybody's.

    by plan     the planner chooses size, vocabulary, batch, rate and steps; the probe of this machine, and some steps
                on the text to see how many fit, are paid for, too
    plain       a recipe without kernels or a planner, in plain torch (plain_child.py): 3.3 M parameters (192 x 4),
                8,192 tokens, Muon and AdamW both at 4e-3, warm-up, stable, decay; compiling it is paid for
    by hand     the plain recipe's settings on Ingot's kernels: how much of the difference is speed

All are scored in bits per byte on the same pieces of files that nobody learned from, each up to one context. Reading
text and learning a vocabulary are in nobody's time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

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
from ingot.model.decoder import Decoder
from ingot.plan.budget import choose
from ingot.plan.candidate import SAFETY, Candidate, seconds_besides_training
from ingot.plan.config import PlanConfig
from ingot.plan.throughput import PROBED_LENGTH, PROBED_ROWS, from_probe
from ingot.train.config import LADDER, PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.probe import random_batch
from ingot.train.state import TrainingState, begin, reproducible, resolve_precision
from ingot.train.trainer import advance

CPU = torch.device("cpu")
SECONDS, GOAL, TURN = 360.0, 0.90, 10.0
HELD_OUT_SHARE, SIMILARITY, CONTEXT, EXCERPT = 0.05, 0.5, 512, 1200
# The pace of some steps is that of all within a tenth (what runs on the neighbouring core matters), the budget is
# exact, and steps are fixed beforehand.
PROBED_SECONDS, PACED_SECONDS, MARGIN = 1.0, 4.0, 0.90
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
Draw = Callable[[TrainingState], Batch]


@dataclass(frozen=True)
class Outcome:
    """What a side made: its model, steps and tokens, what all of it took, and bits per byte on files not seen."""

    model: ModelConfig
    steps: int
    tokens: int
    seconds: float
    bits_per_byte: float


class Side(Protocol):
    """One who trains: so many processor-seconds at a time, until it is done, and then has a model."""

    @property
    def is_done(self) -> bool: ...

    def go_on(self, seconds: float) -> None: ...

    def outcome(self, texts: Sequence[str]) -> Outcome: ...


class Ours:
    """A training on Ingot's kernels; `spent` are processor-seconds that it has cost before its first step."""

    def __init__(self, config: PretrainConfig, corpus: trainings.Corpus, draw: Draw, spent: float) -> None:
        self.corpus, self.spent, self._config, self._draw = corpus, spent, config, draw
        began = time.process_time()
        with reproducible(1, CPU):
            self.state = begin(config, 1, resolve_precision("auto", CPU), CPU)
        self.spent += time.process_time() - began

    @property
    def is_done(self) -> bool:
        return self.state.step >= self._config.steps

    def go_on(self, seconds: float) -> None:
        began = time.process_time()
        with reproducible(1, CPU):
            while not self.is_done and time.process_time() - began < seconds:
                advance(self.state, self._draw(self.state), _LOSS, self._config)
        self.spent += time.process_time() - began

    def outcome(self, texts: Sequence[str]) -> Outcome:
        state, found = self.state, scored(self.state.decoder, self.corpus, texts)
        return Outcome(self._config.model, state.step, state.tokens, self.spent, found)


class Plain:
    """The recipe in plain torch, in a process of its own, its compiler's cache empty."""

    def __init__(self, corpus: trainings.Corpus, seconds: float, folder: Path) -> None:
        self.corpus, self.spent, self.steps, self._seconds = corpus, 0.0, 0, seconds
        self._model = replace(BY_HAND.model, vocabulary=corpus.codec.vocabulary)
        self._weights, tokens = folder / "weights.safetensors", folder / "tokens.npy"
        np.save(tokens, row_of_tokens(corpus))
        given = [json.dumps(literals(self._model)), str(tokens), str(seconds), str(self._weights)]
        # One thread compiles, and what it takes is counted with its children.
        settings = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "compiled"), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("plain_child.py")), *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **settings, "OMP_NUM_THREADS": "1"},
        )

    @property
    def is_done(self) -> bool:
        return self.spent >= self._seconds

    def go_on(self, seconds: float) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"plain_child.py ended with {self._process.wait()}")
        self.spent, self.steps = json.loads(answer)

    def outcome(self, texts: Sequence[str]) -> Outcome:
        self._process.communicate()
        with torch.random.fork_rng():
            decoder = Decoder(self._model)
        decoder.load_state_dict({name.removeprefix("model."): each for name, each in load_file(self._weights).items()})
        tokens = self.steps * BY_HAND.batch_size * CONTEXT
        return Outcome(self._model, self.steps, tokens, self.spent, scored(decoder, self.corpus, texts))


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


def scored(decoder: Decoder, corpus: trainings.Corpus, texts: Sequence[str]) -> float:
    """Return the bits per byte of texts."""
    bits = document_bits(decoder, corpus.codec.encode_batch(texts), corpus.codec.bos, decoder.config.context).sum()
    return float(bits / sum(len(text.encode()) for text in texts))


def rate_of(model: ModelConfig, batches: Sequence[Batch], least: float) -> float:
    """Return tokens per processor-second of a size, measured for so many once the first step is done."""
    rows, length = batches[0].tokens.shape
    config = PretrainConfig(model, 1_000_000, batch_size=rows, sequence_length=length, verify_every=0)
    with reproducible(1, CPU):
        state = begin(config, 1, resolve_precision("auto", CPU), CPU)
        advance(state, batches[0], _LOSS, config)
        began, first = time.process_time(), state.step
        while (seconds := time.process_time() - began) < least or state.step == first:
            advance(state, batches[state.step % len(batches)], _LOSS, config)
    return float((state.step - first) * rows * length / seconds)


def measured(model: ModelConfig, rows: int, length: int, least: float) -> dict[str, object]:
    """Return what the probe tells of a size."""
    rate = rate_of(model, [random_batch(model.vocabulary, rows, length)], least)
    return {"model": literals(model), "tokens_per_second": rate, "batch_size": rows, "sequence_length": length}


def planned(train_bytes: int, held_out_bytes: int, seconds: float) -> tuple[Candidate, float]:
    """Return what the planner would train, and the processor-seconds that it took to find out."""
    began, sizes = time.process_time(), []
    for model in LADDER:
        sizes.append(measured(model, PROBED_ROWS, PROBED_LENGTH, PROBED_SECONDS))
    config = PlanConfig(train_bytes=train_bytes, held_out_bytes=held_out_bytes, seconds=1.0)

    left = seconds - (time.process_time() - began)
    # Here the rest of a build costs nothing, and nothing is kept back for it.
    whole = (MARGIN * left + seconds_besides_training(config, 1)) / SAFETY
    chosen = choose(replace(config, seconds=whole), from_probe({"sizes": sizes}), 1)
    return chosen, time.process_time() - began


def by_plan(texts: Sequence[str], unseen: Sequence[str], seconds: float, folder: Path) -> Ours:
    """Return what the planner would train."""
    sizes = [sum(len(text.encode()) for text in some) for some in (texts, unseen)]
    chosen, spent = planned(sizes[0], sizes[1], seconds)
    corpus = trainings.prepare([*unseen, *texts], chosen.model.vocabulary, CONTEXT, folder, held_out=len(unseen))
    model = replace(chosen.model, vocabulary=corpus.codec.vocabulary)
    rows, length = chosen.schedule.batch_size, chosen.schedule.sequence_length
    stream = Stream(Shards.open(corpus.shards, "train"), rows, length, 0)
    began = time.process_time()
    rate = rate_of(model, [stream.batch(number) for number in range(8)], PACED_SECONDS)
    spent += time.process_time() - began
    schedule = {name: value for name, value in asdict(chosen.schedule).items() if name in SCHEDULED}
    # The probe tells the pace of a size, not that of these rows: fewer or more of the chosen steps fit.
    schedule["steps"] = int(MARGIN * (seconds - spent) * rate / (rows * length))
    config = PretrainConfig(model, verify_every=0, **schedule)
    return Ours(config, corpus, lambda state: stream.batch(state.batch), spent)


def by_hand(corpus: trainings.Corpus, seconds: float) -> Ours:
    """Return the plain recipe on our kernels: the steps are what fits, found by taking a few of them."""
    tokens, draw = row_of_tokens(corpus), np.random.default_rng(1)
    began = time.process_time()
    rate = rate_of(BY_HAND.model, [crops(tokens, draw) for _ in range(8)], PACED_SECONDS)
    spent = time.process_time() - began
    config = replace(BY_HAND, steps=int(MARGIN * (seconds - spent) * rate / BY_HAND.batch_size / CONTEXT))
    ours = Ours(config, corpus, lambda _: crops(tokens, draw), spent)
    for group in ours.state.optimizers[0].param_groups:
        group["scale"] = 1.0  # one rate for everything
    return ours


def row_of_tokens(corpus: trainings.Corpus) -> npt.NDArray[np.int64]:
    """Return all that is learned from as one long row."""
    shards = Shards.open(corpus.shards, "train")
    return np.concatenate([np.asarray(shards[number].tokens) for number in range(len(shards))]).astype(np.int64)


def crops(tokens: npt.NDArray[np.int64], draw: np.random.Generator) -> Batch:
    """Return rows cut anywhere from the text, documents running into one another."""
    starts = draw.integers(len(tokens) - CONTEXT - 1, size=BY_HAND.batch_size)
    rows = np.stack([tokens[start : start + CONTEXT + 1] for start in starts])
    return Batch(rows[:, :-1], rows[:, 1:], np.zeros(rows[:, 1:].shape, np.int32))


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
        made = trained(texts, unseen, seconds, Path(folder))
    plan, plain, hand = (made[name] for name in ("by plan", "plain", "by hand"))
    ratio, in_time = plan.bits_per_byte / plain.bits_per_byte, plan.seconds <= seconds
    figures = [
        Figure("bits per byte, by plan over plain", ratio, "times", f"<= {GOAL}", verdict(ratio, in_time, is_quick)),
        *(Figure(f"bits per byte, {name}", one.bits_per_byte, "bits per byte", "", None) for name, one in made.items()),
        Figure("processor-seconds, by plan", plan.seconds, "CPU-s", f"<= {seconds:.0f}", None if is_quick else in_time),
        Figure("processor-seconds, plain", plain.seconds, "CPU-s", "beside it", None),
        Figure("processor-seconds, by hand", hand.seconds, "CPU-s", "beside it", None),
    ]
    details = {
        "is_quick": is_quick,
        "sides": {name: asdict(one) for name, one in made.items()},
        "files": {"held out": len(unseen), "learned from": len(texts)},
        "torch": torch.__version__,
    }
    publish("train_quality", figures, details)


def trained(texts: Sequence[str], unseen: Sequence[str], seconds: float, folder: Path) -> dict[str, Outcome]:
    """Train all sides in turns and score them."""
    corpus = trainings.prepare([*unseen, *texts], BY_HAND.model.vocabulary, CONTEXT, folder / "hand", len(unseen))
    sides: dict[str, Side] = {
        "by plan": by_plan(texts, unseen, seconds, folder / "plan"),
        "plain": Plain(corpus, seconds, folder),
        "by hand": by_hand(corpus, seconds),
    }
    while left := [side for side in sides.values() if not side.is_done]:
        for side in left:
            side.go_on(TURN)
    pieces = excerpts(unseen)
    made = {name: side.outcome(pieces) for name, side in sides.items()}
    for name, outcome in made.items():
        print(name, outcome, flush=True)
    return made


def verdict(ratio: float, in_time: bool, is_quick: bool) -> bool | None:
    """Say whether the goal holds; a short run cannot tell."""
    return None if is_quick else ratio <= GOAL and in_time


if __name__ == "__main__":
    main()
