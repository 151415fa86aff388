"""Processor-seconds to the loss that a tuned Hugging Face `Trainer` ends with.

The same model (Qwen3 layout), the same texts and vocabulary, one thread. The other side trains packed rows in bf16 with
AdamW and a cosine schedule, at the best of four learning rates, found on a seed of its own. Ingot trains with what its
planner gives a model of this size, untuned, at several lengths; between them the processor-seconds at which it reaches
the other's bits per byte on held-out files are interpolated. Five seeds, each with both sides in turn; everything from
drawing the weights to the last step counts. The scoring does not, and is the same code for both.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import Qwen3Config, Qwen3ForCausalLM, TrainingArguments

from benchmarks import trainings
from benchmarks.report import Figure, publish
from benchmarks.train_quality import excerpts, sources
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.evaluate.bits import document_bits
from ingot.model.config import ModelConfig
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.plan.config import PlanConfig
from ingot.plan.schedule import schedule
from ingot.tokenizer.codec import Codec
from ingot.train.config import PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.state import begin, reproducible, resolve_precision
from ingot.train.trainer import advance

CPU = torch.device("cpu")
SIZES = ModelConfig(4096, width=256, layers=4, heads=4, kv_heads=2, head_width=64, ffn_width=704, context=256)
ROWS, LENGTH = 8, 256
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
SHARES = (0.25, 0.4, 0.55)  # lengths of Ingot's trainings, of the other side's steps
GOAL, LEAST_SAVING = 0.5, 0.30
# Student's t for a one-sided bound of 95%, by the number of seeds.
STUDENT = {2: 6.314, 3: 2.920, 4: 2.353, 5: 2.132}
_LOSS = partial(next_token.loss, config=next_token.Config())


@dataclass(frozen=True)
class Run:
    """One training: its steps and seed, processor-seconds from nothing to the last step, and bits per byte."""

    steps: int
    rate: float
    seed: int
    seconds: float
    bits_per_byte: float


@dataclass(frozen=True)
class Texts:
    """Shards, their tokens in rows for the other side, and excerpts of files that are in neither."""

    shards: Path
    rows: torch.Tensor
    codec: Codec
    unseen: Sequence[str]

    def score(self, decoder: Decoder) -> float:
        """Return the bits per byte of the excerpts."""
        ids = [document[: LENGTH - 1] for document in self.codec.encode_batch(list(self.unseen))]
        size = sum(len(self.codec.token_bytes(token)) for document in ids for token in document)
        return float(document_bits(decoder, ids, self.codec.bos, LENGTH).sum() / size)


def texts(folder: Path) -> Texts:
    """Learn a vocabulary and write shards of the standard library's sources."""
    unseen, known = sources()
    corpus = trainings.prepare([*unseen, *known], SIZES.vocabulary, LENGTH, folder, held_out=len(unseen))
    shards = Shards.open(corpus.shards, "train")
    tokens = np.concatenate([np.asarray(shards[number].tokens) for number in range(len(shards))]).astype(np.int64)
    rows = torch.tensor(tokens[: len(tokens) // LENGTH * LENGTH]).view(-1, LENGTH)
    return Texts(corpus.shards, rows, corpus.codec, excerpts(unseen))


def ingot(data: Texts, steps: int, seed: int) -> Run:
    """Train with the planner's schedule."""
    wanted = PlanConfig(steps=steps, batch_size=ROWS, sequence_length=LENGTH)
    planned = schedule(steps * ROWS * LENGTH, wanted)
    config = PretrainConfig(
        SIZES,
        steps,
        ROWS,
        LENGTH,
        learning_rate=planned.learning_rate,
        warmup_steps=planned.warmup_steps,
        base_width=planned.base_width,
        seed=seed,
    )
    began = time.process_time()
    stream = Stream(Shards.open(data.shards, "train"), ROWS, LENGTH, seed)
    with reproducible(1, CPU):
        state = begin(config, 1, resolve_precision("auto", CPU), CPU)
        while state.step < steps:
            advance(state, stream.batch(state.batch), _LOSS, config)
    return told("Ingot", steps, config.learning_rate, seed, time.process_time() - began, data.score(state.decoder))


def hugging_face(data: Texts, steps: int, rate: float, seed: int) -> Run:
    """Train with `Trainer`: packed rows, bf16, AdamW, a warm-up and a cosine."""
    began = time.process_time()
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=SIZES.vocabulary,
            hidden_size=SIZES.width,
            intermediate_size=SIZES.ffn_width,
            num_hidden_layers=SIZES.layers,
            num_attention_heads=SIZES.heads,
            num_key_value_heads=SIZES.kv_heads,
            head_dim=SIZES.head_width,
            max_position_embeddings=LENGTH,
            tie_word_embeddings=True,
        )
    )
    assert model.num_parameters() == SIZES.parameters
    dataset: Sequence[Mapping[str, Any]] = [{"input_ids": row, "labels": row} for row in data.rows]
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=ROWS,
            learning_rate=rate,
            lr_scheduler_type="cosine",
            warmup_steps=max(steps // 20, 1),
            adam_beta2=0.95,
            seed=seed,
            use_cpu=True,
            bf16=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
        )
        transformers.Trainer(model=model, args=arguments, train_dataset=dataset).train()
        seconds = time.process_time() - began
        model.save_pretrained(folder)
        decoder = load(Path(folder))
    return told("Hugging Face", steps, rate, seed, seconds, data.score(decoder))


def told(side: str, *found: Any) -> Run:
    """Print a run and return it."""
    run = Run(*found)
    print(f"{side}: {asdict(run)}", flush=True)
    return run


def seconds_to(goal: float, runs: Sequence[Run]) -> float | None:
    """Return the processor-seconds at which a loss is reached, between the runs that end above and below it.

    The shortest run's when it is there already, which is too much; None when no run gets there.
    """
    runs = sorted(runs, key=lambda run: run.steps)
    if runs[0].bits_per_byte <= goal:
        return runs[0].seconds
    for above, below in pairwise(runs):
        if below.bits_per_byte <= goal:
            share = (above.bits_per_byte - goal) / (above.bits_per_byte - below.bits_per_byte)
            return math.exp(math.log(above.seconds) * (1 - share) + math.log(below.seconds) * share)
    return None


def lowest_saving(ratios: Sequence[float]) -> float | None:
    """Return the lower 95% bound of the mean saving."""
    if len(ratios) < 2:
        return None
    spread = statistics.stdev(ratios) / math.sqrt(len(ratios))
    return 1 - statistics.fmean(ratios) - STUDENT[len(ratios)] * spread


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rates, one seed, an eighth of the steps")
    is_quick = parser.parse_args().quick
    steps, rates, seeds = (24, RATES[1:3], 1) if is_quick else (200, RATES, 5)
    library: Any = transformers
    library.logging.set_verbosity_error()
    library.logging.disable_progress_bar()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        data = texts(Path(folder, "texts"))
        tuning = [hugging_face(data, steps, rate, 100) for rate in rates]
        rate = min(tuning, key=lambda run: run.bits_per_byte).rate
        theirs, ours = [], []
        for seed in range(seeds):
            theirs.append(hugging_face(data, steps, rate, seed))
            ours.append([ingot(data, round(share * steps), seed) for share in SHARES])
    reached = [seconds_to(its.bits_per_byte, own) for its, own in zip(theirs, ours, strict=True)]
    ratios = [own / its.seconds for own, its in zip(reached, theirs, strict=True) if own is not None]
    is_whole = len(ratios) == seeds and not is_quick
    mean, saving = statistics.fmean(ratios) if ratios else None, lowest_saving(ratios)
    figures = [
        Figure(
            "processor-seconds to the tuned Trainer's final loss, of its own",
            mean,
            "times",
            f"<= {GOAL}",
            None if is_quick else is_whole and mean is not None and mean <= GOAL,
        ),
        Figure(
            "saving, lower 95% bound",
            saving,
            "share",
            f">= {LEAST_SAVING}",
            None if is_quick else is_whole and saving is not None and saving >= LEAST_SAVING,
        ),
        Figure("seeds that reached it", len(ratios), f"of {seeds}", "", None),
        Figure("the Trainer's best rate", rate, "", "", None),
    ]
    details = {
        "is_quick": is_quick,
        "model": asdict(SIZES),
        "tuning": [asdict(run) for run in tuning],
        "hugging_face": [asdict(run) for run in theirs],
        "ingot": [[asdict(run) for run in runs] for runs in ours],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    publish("train_to_loss", figures, details)


if __name__ == "__main__":
    main()
