"""Tokens per processor-second of training, beside Hugging Face's `Trainer`, litgpt and nanochat, and beside the chip.

The model of `spine_training` (6.52 M parameters), rows of 4 x 512 tokens, one thread, all sides in turn, processor time
per optimiser step, the best of all steps, because everything that disturbs one only makes it slower. In each round the
processor also multiplies bf16 matrices of the model's own shape (2048 x 256 x 704): the best of that is what it could
do, and our share is 43.8 MFLOP a token, the causal half of the attention counted, over it. Warm-up counts nowhere here;
what it costs, compilers included, stands beside.

Memory is taken as in the process of a training step (`core.hardware`), which serves the peers as well. On our side a
step is the trainer's whole step with packed documents isolated; on the others' forward, loss, backward,
clipping where they clip, and update. litgpt runs in an environment of its own, with the same torch:

    python -m venv ~/.cache/ingot-benchmarks/litgpt
    ~/.cache/ingot-benchmarks/litgpt/bin/pip install torch==2.13.0
    ~/.cache/ingot-benchmarks/litgpt/bin/pip install --no-deps litgpt==0.5.13
    ~/.cache/ingot-benchmarks/litgpt/bin/pip install \\
        lightning jsonargparse 'huggingface_hub<1.4' safetensors tokenizers psutil requests

nanochat is no package: clone https://github.com/karpathy/nanochat and say where (`--nanochat`). What is missing is left
out, and its figure holds nothing.

    python benchmarks/train_speed.py [--quick] [--litgpt PYTHON] [--nanochat FOLDER]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import transformers

from benchmarks.report import Figure, publish
from benchmarks.spine_training import CPU, LENGTH, MODEL, ROWS, hugging_face, ingot, shards
from benchmarks.trainings import as_in_a_step
from ingot.model.attention import attend, block_mask
from ingot.model.fusing import fused
from ingot.train.state import resolve_precision

CACHE = Path.home() / ".cache" / "ingot-benchmarks"
HERE = Path(__file__).parent
COMPILED, MUON = "Ingot, AdamW, compiled", "Ingot, Muon (its default), compiled"
DEFAULTS, LITGPT, NANOCHAT = (
    "Hugging Face Trainer, defaults",
    "litgpt, bf16-mixed, compiled",
    "nanochat, bf16, compiled",
)
SHAPE = (ROWS * LENGTH, MODEL.width, MODEL.ffn_width)
FLOPS = MODEL.flops_per_token(LENGTH)
Side = Callable[[int], list[float]]


def compiled(side: Side) -> Side:
    """Return one of our sides with its small operations compiled."""

    def train(steps: int) -> list[float]:
        with fused(True):
            return side(steps)

    return train


class Child:
    """A peer in a process of its own, that takes steps when it is told to."""

    def __init__(self, command: list[str], **environment: str) -> None:
        sizes = {name: getattr(MODEL, name) for name in ("vocabulary", "width", "layers", "heads", "kv_heads")}
        sizes |= {"head_width": MODEL.head_width, "ffn_width": MODEL.ffn_width, "parameters": MODEL.parameters}
        self._process = subprocess.Popen(
            [*command, json.dumps(sizes), str(ROWS), str(LENGTH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )
        self.warm_up: float = self._answer()

    def __call__(self, steps: int) -> list[float]:
        assert self._process.stdin is not None
        print(steps, file=self._process.stdin, flush=True)
        taken: list[float] = self._answer()
        return taken

    def _answer(self) -> Any:
        """Return the next line that is JSON; libraries print what they like."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):
                return json.loads(line)
        raise RuntimeError(f"the peer ended: {self._process.args!r}")

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def peers(litgpt: Path, nanochat: Path) -> dict[str, Child]:
    """Start those that are there."""
    found = {}
    if litgpt.exists():
        found[LITGPT] = Child([str(litgpt), "-W", "ignore", str(HERE / "litgpt_child.py")])
    if (nanochat / "nanochat" / "gpt.py").exists():
        command = [sys.executable, "-W", "ignore", str(HERE / "nanochat_child.py")]
        found[NANOCHAT] = Child(command, PYTHONPATH=str(nanochat), NANOCHAT_DTYPE="bfloat16")
    return found


def products(times: int) -> list[float]:
    """Return the processor seconds of products of bf16 matrices, each the mean of ten."""
    tokens, width, ffn_width = SHAPE
    x, weight = torch.randn(tokens, width).bfloat16(), torch.randn(ffn_width, width).bfloat16()
    seconds = []
    for _ in range(times):
        began = time.process_time()
        for _ in range(10):
            F.linear(x, weight)
        seconds.append((time.process_time() - began) / 10)
    return seconds


def attention(times: int) -> dict[str, list[float]]:
    """Return the seconds of attention, forward and backward, by blocks and by the library, in turn."""
    shapes = [(ROWS, heads, LENGTH, MODEL.head_width) for heads in (MODEL.heads, MODEL.kv_heads, MODEL.kv_heads)]
    q, k, v = (torch.randn(shape).bfloat16().requires_grad_() for shape in shapes)
    upstream = torch.randn(shapes[0]).bfloat16()
    mask = block_mask(LENGTH, LENGTH, None, q)
    ways: dict[str, Callable[[], torch.Tensor]] = {
        "blocks": lambda: attend(q, k, v, mask),
        "library": lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, way in ways.items():
            began = time.process_time()
            torch.autograd.grad(way(), (q, k, v), upstream)
            seconds[name].append(time.process_time() - began)
    return seconds


def measure(rounds: int, steps: int, precision: str, children: Mapping[str, Child]) -> dict[str, list[float]]:
    """Return the processor seconds of each side's steps, the sides in turn, and of products and attention."""
    torch.set_num_threads(1)
    seconds: dict[str, list[float]] = {"products": [], "attention, blocks": [], "attention, library": []}
    with tempfile.TemporaryDirectory() as folder:
        data = shards(Path(folder) / "shards", rows=256)
        sides: dict[str, Side] = {
            "Ingot, AdamW, eager": ingot("adamw", precision, data),
            COMPILED: compiled(ingot("adamw", precision, data)),
            "Ingot, Muon (its default), eager": ingot("muon", precision, data),
            MUON: compiled(ingot("muon", precision, data)),
            DEFAULTS: hugging_face(data, folder),
            "Hugging Face Trainer, bf16": hugging_face(data, folder, bf16=True),
            **children,
        }
        before = os.times()
        sides[COMPILED](2)
        after = os.times()
        seconds["warm-up"] = [sum(after[:4]) - sum(before[:4])]
        for done in range(rounds):
            seconds["products"] += products(steps * 2)
            for name, found in attention(steps).items():
                seconds[f"attention, {name}"] += found
            for name, train in sides.items():
                seconds.setdefault(name, []).extend(train(steps))
                print(f"round {done + 1}: {name}: {min(seconds[name]):.4f} s a step", file=sys.stderr, flush=True)
    return seconds


def figures(seconds: Mapping[str, list[float]]) -> list[Figure]:
    """Return what was found, and the goals it is held against."""
    best = {name: min(found) for name, found in seconds.items()}
    sides = {
        name: ROWS * LENGTH / found
        for name, found in best.items()
        if name.startswith(("Ingot", "Hugging", "lit", "nano"))
    }
    could = 2 * SHAPE[0] * SHAPE[1] * SHAPE[2] / best["products"]

    def over(name: str, other: str, goal: float) -> Figure:
        ratio = sides[name] / sides[other] if other in sides else None
        return Figure(f"{name}, over {other}", ratio, "times", f">= {goal}", None if ratio is None else ratio >= goal)

    share = sides[COMPILED] * FLOPS / could
    by_blocks = best["attention, library"] / best["attention, blocks"]
    told = [
        over(COMPILED, DEFAULTS, 2.2),
        over(COMPILED, LITGPT, 1.25),
        over(MUON, NANOCHAT, 1.25),
        Figure(f"{COMPILED}, of the bf16 product rate", share, "share", ">= 0.60", share >= 0.60),
        Figure("attention by blocks over the library's", by_blocks, "times", ">= 1.7", by_blocks >= 1.7),
        Figure("bf16 products, 2048 x 256 x 704", could / 1e9, "GFLOP/s", "", None),
        Figure("compiling, its first time in this process", seconds["warm-up"][0], "processor-seconds", "", None),
    ]
    return told + [Figure(name, rate, "tokens per processor-second", "", None) for name, rate in sides.items()]


def main() -> None:
    """Measure, keep and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2 rounds of 3 steps instead of 6 of 4")
    parser.add_argument("--litgpt", type=Path, default=CACHE / "litgpt" / "bin" / "python", metavar="PYTHON")
    parser.add_argument("--nanochat", type=Path, default=CACHE / "nanochat", metavar="FOLDER")
    arguments = parser.parse_args()
    as_in_a_step()
    rounds, steps = (2, 3) if arguments.quick else (6, 4)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    precision = resolve_precision("auto", CPU)
    children = peers(arguments.litgpt, arguments.nanochat)
    try:
        seconds = measure(rounds, steps, precision, children)
    finally:
        for child in children.values():
            child.end()
    details = {
        "is_quick": arguments.quick,
        "precision": precision,
        "threads": 1,
        "allocator": os.environ["GLIBC_TUNABLES"],
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "megaflops_per_token": FLOPS / 1e6,
        "warm_up_of_peers": {name: child.warm_up for name, child in children.items()},
        "median_seconds": {name: statistics.median(found) for name, found in seconds.items()},
        "seconds": seconds,
    }
    publish("train_speed", figures(seconds), details)


if __name__ == "__main__":
    main()
