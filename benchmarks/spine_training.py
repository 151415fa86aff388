"""Tokens per processor-second of training: Ingot's trainer beside Hugging Face's `Trainer` at its defaults.

The same model (Mistral layout, 6.52 M parameters), the same rows of 4 x 512 tokens, one thread, in one process, the
sides in turn; processor time per optimiser step, the best of all steps, because everything that disturbs one only makes
it slower. On Hugging Face's side only what lies between its step-begin and step-end callbacks counts (data loading
excluded); on Ingot's side the whole step (stream, objective, clipping, schedule, optimiser), with packed documents
isolated from one another, which the other side does not do. Nobody compiles.

The headline compares defaults with the same optimiser: bf16 where the processor has it against float32. The other rows
tell how much of that is precision, and what Ingot's default optimiser (Muon) costs.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import MistralConfig, MistralForCausalLM, TrainerCallback, TrainingArguments

from benchmarks.report import Figure, publish
from ingot.data.shard import ShardWriter
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.model.config import ModelConfig
from ingot.train.config import Optimizer, PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.state import begin, reproducible, resolve_precision
from ingot.train.trainer import advance

MODEL = ModelConfig(
    vocabulary=8192, width=256, layers=6, heads=4, kv_heads=2, head_width=64, ffn_width=704, has_qk_norm=False
)
ROWS, LENGTH, MEAN_DOCUMENT_TOKENS = 4, 512, 400
GOAL = 1.5
CPU = torch.device("cpu")
OURS, THEIRS = "Ingot, AdamW", "Hugging Face Trainer, defaults"
Side = Callable[[int], list[float]]  # steps -> processor seconds of each but the first


def shards(folder: Path, rows: int, vocabulary: int = MODEL.vocabulary) -> Shards:
    """Write random ids in documents of uneven length: what a step costs does not depend on which ids they are."""
    random = np.random.default_rng(0)
    tokens = random.integers(vocabulary, size=rows * LENGTH + 1).astype(np.uint16)
    ends = np.cumsum(random.geometric(1 / MEAN_DOCUMENT_TOKENS, size=len(tokens)))
    (folder / "00000").mkdir(parents=True)
    with ShardWriter(folder / "00000", "uint16", vocabulary) as writer:
        for number, document in enumerate(np.split(tokens, ends[ends < len(tokens)])):
            writer.append(str(number), 0, [document])
    writer.finish()
    written = Shards(folder, planned=1)
    written.require(1)
    return written


def ingot(optimizer: Optimizer, precision: str, data: Shards) -> Side:
    """Return Ingot's trainer as a side; every round goes on with the same weights."""
    config = PretrainConfig(MODEL, 1_000_000, ROWS, LENGTH, optimizer=optimizer, learning_rate=1e-4)
    state = begin(config, 1, precision, CPU)
    loss = partial(next_token.loss, config=next_token.Config())
    stream = Stream(data, ROWS, LENGTH, seed=0)

    def train(steps: int) -> list[float]:
        seconds = []
        with reproducible(1, CPU):  # as a real training does; the other side's kernels are left free
            for _ in range(steps):
                began = time.process_time()
                advance(state, stream.batch(state.step), loss, config)
                seconds.append(time.process_time() - began)
        return seconds[1:]

    return train


class Clock(TrainerCallback):
    """Notes the processor time of every optimiser step of Hugging Face's trainer."""

    def __init__(self) -> None:
        self.began = 0.0
        self.seconds: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self.began = time.process_time()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stop the clock."""
        self.seconds.append(time.process_time() - self.began)


def hugging_face(data: Shards, folder: str, **changes: Any) -> Side:
    """Return the other side: `Trainer` with its defaults, but for what makes the two comparable, and `changes`."""
    torch.manual_seed(0)
    model = MistralForCausalLM(
        MistralConfig(
            vocab_size=MODEL.vocabulary,
            hidden_size=MODEL.width,
            intermediate_size=MODEL.ffn_width,
            num_hidden_layers=MODEL.layers,
            num_attention_heads=MODEL.heads,
            num_key_value_heads=MODEL.kv_heads,
            head_dim=MODEL.head_width,
            max_position_embeddings=LENGTH,
            sliding_window=None,
            tie_word_embeddings=True,
        )
    )
    assert model.num_parameters() == MODEL.parameters
    rows = torch.tensor(data[0].tokens[:-1].astype(np.int64)).view(-1, LENGTH)
    dataset: Sequence[Mapping[str, Any]] = [{"input_ids": row, "labels": row} for row in rows]

    def train(steps: int) -> list[float]:
        clock = Clock()
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=ROWS,
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
            **changes,
        )
        transformers.Trainer(model=model, args=arguments, train_dataset=dataset, callbacks=[clock]).train()
        return clock.seconds[1:]

    return train


def measure(rounds: int, steps: int, precision: str) -> dict[str, list[float]]:
    """Return the processor seconds of each side's steps, the sides in turn."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        data = shards(Path(folder) / "shards", rows=256)
        sides = {
            OURS: ingot("adamw", precision, data),
            "Ingot, Muon (its default)": ingot("muon", precision, data),
            "Ingot, AdamW, fp32": ingot("adamw", "fp32", data),
            THEIRS: hugging_face(data, folder),
            "Hugging Face Trainer, bf16": hugging_face(data, folder, bf16=True),
        }
        seconds: dict[str, list[float]] = {name: [] for name in sides}
        for done in range(rounds):
            for name, train in sides.items():
                seconds[name] += train(steps)
                print(f"round {done + 1}: {name}: {min(seconds[name]):.3f} s a step", flush=True)
    return seconds


def main() -> None:
    """Measure, keep and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="2 rounds of 4 steps instead of 6 of 6")
    is_quick = arguments.parse_args().quick
    rounds, steps = (2, 4) if is_quick else (6, 6)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    precision = resolve_precision("auto", CPU)
    seconds = measure(rounds, steps, precision)
    rate = {name: ROWS * LENGTH / min(found) for name, found in seconds.items()}
    ratio = rate[OURS] / rate[THEIRS]
    figures = [Figure(f"{OURS}, {precision}, over {THEIRS}", ratio, "times", f">= {GOAL}", ratio >= GOAL)]
    figures += [Figure(name, found, "tokens per processor-second", "", None) for name, found in rate.items()]
    details = {
        "is_quick": is_quick,
        "precision": precision,
        "is_compiled": False,
        "threads": 1,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "median_seconds_per_step": {name: statistics.median(found) for name, found in seconds.items()},
        "seconds_per_step": seconds,
    }
    publish("spine_training", figures, details)


if __name__ == "__main__":
    main()
