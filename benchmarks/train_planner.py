"""What the plan says beforehand, beside what real trainings then take: parameters, memory, time and energy.

Parameters: those of ten published models, counted from their sizes alone, beside the counts their weights have.
Memory: seven trainings (dense and mixtures, AdamW and Muon, bf16 and fp32, in pieces, with large vocabularies and long
rows), each in a process of its own through the real trainer, with checkpoints written beside it, and long enough that
memory grows no further. Compared is the peak of the resident memory that the plan says and that the process had, both
less what the interpreter held when everything was imported and nothing begun.
Time and energy: the probe trains its usual sizes for a moment; then other sizes and shapes are trained for real, and
their time is predicted from the probe. The machine is shared, so both sides count processor-seconds, at one thread.
Energy is the documented estimator's on both sides where the processor has no counters: the figure says which.

    python benchmarks/train_planner.py [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.report import Figure, publish
from ingot.core.config import load
from ingot.core.energy import Meter
from ingot.core.hardware import KERNELS_KEPT, MEMORY_KEPT
from ingot.data.shard import ShardWriter
from ingot.data.shards import Shards
from ingot.data.stream import Stream
from ingot.model.config import ModelConfig
from ingot.model.presets import preset
from ingot.plan.memory import Work, training_memory
from ingot.plan.throughput import from_probe
from ingot.train.checkpoint import Checkpoints
from ingot.train.config import LADDER, PretrainConfig, ProbeConfig
from ingot.train.journal import Journal
from ingot.train.objectives import next_token
from ingot.train.probe import measure_size
from ingot.train.saving import Saver
from ingot.train.state import begin, reproducible, resolve_precision
from ingot.train.trainer import Trainer

CPU = torch.device("cpu")
GOAL_MEMORY, GOAL_TIME = 0.10, 0.25
# As the weights of each have it.
PUBLISHED = {
    "mistral-7b-v0.1": 7_241_732_096,
    "mistral-7b-v0.3": 7_248_023_552,
    "mistral-nemo-base-2407": 12_247_782_400,
    "mixtral-8x7b-v0.1": 46_702_792_704,
    "mixtral-8x22b-v0.1": 140_620_634_112,
    "qwen3-0.6b": 596_049_920,
    "qwen3-8b": 8_190_735_360,
    "qwen3-32b": 32_762_123_264,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-235b-a22b": 235_093_634_560,
}


def sized(
    vocabulary: int, width: int, layers: int, heads: tuple[int, int], ffn_width: int, **more: int
) -> dict[str, Any]:
    named = {"vocabulary": vocabulary, "width": width, "layers": layers, "heads": heads[0], "kv_heads": heads[1]}
    return {**named, "head_width": 64, "ffn_width": ffn_width, **more}


MIXTURE = {"experts": 8, "experts_per_token": 2, "expert_ffn_width": 352}
Part = tuple[dict[str, Any], dict[str, Any]]  # a model's sizes, a training's settings
MEMORY: dict[str, Part] = {
    "26M, Muon, bf16": (sized(16_384, 512, 6, (8, 4), 1408), {"batch_size": 4}),
    "13M, AdamW, fp32": (
        sized(8192, 384, 6, (6, 3), 1024),
        {"batch_size": 4, "sequence_length": 1024, "optimizer": "adamw", "precision": "fp32"},
    ),
    "mixture of 8, Muon, bf16": (sized(8192, 256, 4, (4, 2), 704, **MIXTURE), {"batch_size": 8}),
    "mixture of 16, AdamW, bf16": (
        sized(4096, 384, 4, (6, 3), 1024, experts=16, experts_per_token=2, expert_ffn_width=256),
        {"batch_size": 8, "optimizer": "adamw"},
    ),
    "mixture of 8, Muon, fp32": (
        sized(8192, 320, 4, (5, 1), 896, **MIXTURE),
        {"batch_size": 4, "precision": "fp32"},
    ),
    "long rows in 4 pieces, AdamW": (
        sized(8192, 256, 6, (4, 2), 704),
        {"batch_size": 4, "sequence_length": 2048, "optimizer": "adamw", "accumulate": 4},
    ),
    "40M, large vocabulary, Muon": (sized(32_768, 640, 6, (10, 5), 1728), {"batch_size": 2}),
}
TRAININGS: dict[str, Part] = {
    "192x4, rows of 256": (sized(4096, 192, 4, (3, 1), 512), {"batch_size": 8, "sequence_length": 256, "steps": 150}),
    "256x4": (sized(8192, 256, 4, (4, 2), 704), {"batch_size": 8, "sequence_length": 512, "steps": 50}),
    "320x6, rows of 1024": (sized(8192, 320, 6, (5, 1), 896), {"batch_size": 4, "sequence_length": 1024, "steps": 24}),
    "128x4, a small vocabulary": (sized(2048, 128, 4, (2, 1), 384), {"batch_size": 4, "steps": 250}),
}


def shards(folder: Path, vocabulary: int, rows: int, length: int) -> Shards:
    """Write random ids in documents several rows long: what a step costs does not depend on which ids they are."""
    random = np.random.default_rng(0)
    tokens = random.integers(vocabulary, size=rows * length + 1).astype(np.uint16)
    (folder / "00000").mkdir(parents=True)
    with ShardWriter(folder / "00000", "uint16", vocabulary) as writer:
        for number, document in enumerate(np.split(tokens, range(8 * length, len(tokens), 8 * length))):
            writer.append(str(number), 0, [document])
    writer.finish()
    written = Shards(folder, planned=1)
    written.require(1)
    return written


def train(model: ModelConfig, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Train in this process, through the real trainer, and return what it took."""
    config = PretrainConfig(model, **{"steps": 10, "learning_rate": 1e-3, **settings})
    precision = resolve_precision(config.precision, CPU)
    loss = partial(next_token.loss, config=next_token.Config())
    with tempfile.TemporaryDirectory() as folder, reproducible(1, CPU):
        at = Path(folder)
        data = shards(at / "shards", model.vocabulary, 64, config.sequence_length)
        torch.randn(64, 64) @ torch.randn(64, 64)
        held = resident("VmRSS")
        worked, meter = time.process_time(), Meter()
        state = begin(config, 1, precision, CPU)
        stream = Stream(data, config.batch_size, config.sequence_length, 0)
        checkpoints = Checkpoints(at / "checkpoints", 2, _silent)
        with Journal(at / "curve.jsonl", config.steps, 0, _silent) as journal, Saver(checkpoints) as saver:
            Trainer(config, loss, stream, lambda *_: {}, journal, saver).run(state)
    energy = meter.read()
    return {
        "precision": precision,
        "imported_bytes": held,
        "peak_bytes": resident("VmHWM"),
        "processor_seconds": time.process_time() - worked,
        "joules": energy.joules,
        "energy": energy.method,
        "tokens": state.tokens,
    }


def probe() -> dict[str, Any]:
    """Measure as the probe step does, at one thread."""
    config = ProbeConfig()
    precision = resolve_precision(config.precision, CPU)
    with reproducible(1, CPU):
        return {"sizes": [measure_size(model, config, 1, precision, CPU) for model in LADDER]}


def resident(name: str) -> int:
    """Return a line of the process's status in bytes: VmRSS now, VmHWM at its highest."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"this system does not tell {name}")


def _silent(kind: str, /, **_: Any) -> None: ...


def in_child(work: str, *arguments: Any) -> dict[str, Any]:
    """Run a part of this script in a process of its own, as a step of a run would be."""
    environment = {**MEMORY_KEPT, **os.environ, **KERNELS_KEPT, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, __file__, "--child", json.dumps([work, *arguments])]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return found


def child(text: str) -> None:
    work, *arguments = json.loads(text)
    if work == "probe":
        print(json.dumps(probe()))
    else:
        model, settings = arguments
        print(json.dumps(train(load(ModelConfig, model, "benchmark"), settings)))


def memory_of(name: str, steps: int) -> dict[str, Any]:
    """Return the predicted and the measured peak of a training, less what the interpreter with imports took."""
    model, settings = MEMORY[name]
    found = in_child("train", model, {"sequence_length": 512, **settings, "steps": steps})
    work = Work(
        settings["batch_size"],
        settings.get("sequence_length", 512),
        settings.get("accumulate", 1),
        settings.get("optimizer", "muon"),
        found["precision"],
    )
    planned = training_memory(ModelConfig(**model), work)
    predicted, measured = (each - found["imported_bytes"] for each in (planned.peak, found["peak_bytes"]))
    return {"predicted": predicted, "measured": measured, "off": predicted / measured - 1, **found}


def time_of(name: str, facts: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Return predicted and measured processor-seconds and joules of a training."""
    sizes = [{**size, "tokens_per_second": size["tokens_per_processor_second"]} for size in facts["sizes"]]
    model, settings = TRAININGS[name]
    tokens_per_step = settings["batch_size"] * settings.get("sequence_length", 512)
    rate = from_probe({"sizes": sizes}).of_model(ModelConfig(**model), tokens_per_step)
    per_second = sum(
        size["watts"] * size["tokens_per_processor_second"] / size["tokens_per_second"] for size in facts["sizes"]
    ) / len(sizes)
    found = in_child(
        "train", model, {"sequence_length": 512, **settings, "steps": max(int(settings["steps"] * share), 4)}
    )
    seconds = found["tokens"] / rate
    return {
        "predicted_seconds": seconds,
        "seconds_off": seconds / found["processor_seconds"] - 1,
        "predicted_joules": seconds * per_second,
        "joules_off": seconds * per_second / found["joules"] - 1,
        **found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two trainings of each kind, and shorter ones")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.child:
        child(arguments.child)
        return
    few = 2 if arguments.quick else 99
    details: dict[str, Any] = {"is_quick": arguments.quick}
    details["counts"] = {name: preset(name).model.parameters for name in PUBLISHED}
    details["probe"], details["time"], details["memory"] = in_child("probe"), {}, {}
    for name in list(TRAININGS)[:few]:
        details["time"][name] = time_of(name, details["probe"], 0.3 if arguments.quick else 1.0)
        print(name, details["time"][name], file=sys.stderr, flush=True)
    for name in list(MEMORY)[:few]:
        details["memory"][name] = memory_of(name, 4 if arguments.quick else 24)
        print(name, details["memory"][name], file=sys.stderr, flush=True)
    publish("train_planner", figures(details), details)


def figures(details: Mapping[str, Any]) -> list[Figure]:
    wrong = sum(details["counts"][name] != count for name, count in PUBLISHED.items())
    told = [Figure(f"parameters of {len(PUBLISHED)} published models, wrong", wrong, "models", "0", wrong == 0)]
    off = {name: abs(found["off"]) for name, found in details["memory"].items()}
    worst = max(off.values())
    told.append(
        Figure(f"peak memory of {len(off)} trainings, furthest off", 100 * worst, "%", "<= 10", worst <= GOAL_MEMORY)
    )
    told += [Figure(f"memory: {name}", 100 * found["off"], "%", "", None) for name, found in details["memory"].items()]
    kind = next(iter(details["time"].values()))["energy"]
    for what, unit in (("seconds", "processor time"), ("joules", f"energy ({kind} on both sides)")):
        worst = max(abs(found[f"{what}_off"]) for found in details["time"].values())
        count = len(details["time"])
        told.append(Figure(f"{unit} of {count} trainings, furthest off", 100 * worst, "%", "<= 25", worst <= GOAL_TIME))
    told += [
        Figure(f"time: {name}", 100 * found["seconds_off"], "%", "", None) for name, found in details["time"].items()
    ]
    # The layout of 400B on 1,024 and 4,096 ranks is measured where it is made.
    told.append(Figure("400B on 1,024 ranks: see train_parallel", None, "s", "<= 60", None))
    told.append(Figure("power-limit sweep on a GPU: none at hand, not built", None, "", "", None))
    return told


if __name__ == "__main__":
    main()
