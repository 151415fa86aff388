"""How fast this machine trains: measured by training, for a moment, at a few sizes.

Random tokens cost what text costs, so no data is needed. Each size takes one step to warm up and then as many as fit
its seconds, through the same step a real training takes; the plan interpolates between the sizes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from ingot.core.config import literals
from ingot.core.energy import Meter
from ingot.core.hardware import machine
from ingot.core.storage import write_atomically
from ingot.data.stream import Batch
from ingot.flow.artifact import Artifact
from ingot.flow.step import Facts, StepContext
from ingot.model.config import ModelConfig
from ingot.train.config import PretrainConfig, ProbeConfig
from ingot.train.objectives import next_token
from ingot.train.state import begin, reproducible, resolve_precision
from ingot.train.trainer import advance

_DOCUMENTS_IN_ROW = 2


def measure(config: ProbeConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts:
    """Train each size for a moment and return its throughput."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    precision = resolve_precision(config.precision, device)
    sizes = []
    for done, model in enumerate(config.models):
        context.emit("progress", done=done, total=len(config.models), unit="sizes")
        with reproducible(context.cores, device):
            sizes.append(measure_size(model, config, context.cores, precision, device))
    context.emit("progress", done=len(sizes), total=len(sizes), unit="sizes")
    here = machine()
    facts = {
        "sizes": sizes,
        "precision": precision,
        "device": device.type,
        "cores": context.cores,
        "processor": here.processor,
        "memory_bytes": here.memory_bytes,
    }
    write_atomically(context.folder / "probe.json", json.dumps(facts, indent=1) + "\n")
    return facts


def measure_size(
    model: ModelConfig, config: ProbeConfig, threads: int, precision: str, device: torch.device
) -> dict[str, Any]:
    """Train one size for a moment; the first step sets up threads and memory and does not count."""
    training = PretrainConfig(
        model,
        steps=1_000_000,
        batch_size=config.batch_size,
        sequence_length=config.sequence_length,
        optimizer=config.optimizer,
    )
    state = begin(training, threads, precision, device)
    batch = random_batch(model.vocabulary, config.batch_size, config.sequence_length)
    step = partial(advance, state, batch, _objective, training)
    step()
    began, meter, worked = time.monotonic(), Meter(), time.process_time()
    while (seconds := time.monotonic() - began) < config.seconds_per_size or state.step < 2:
        step()
    energy, worked = meter.read(), time.process_time() - worked
    rate = (state.step - 1) * config.batch_size * config.sequence_length / seconds
    return {
        "preset": f"{model.width}x{model.layers}",
        "model": literals(model),
        "parameters": model.parameters,
        "batch_size": config.batch_size,
        "sequence_length": config.sequence_length,
        "steps": state.step - 1,
        "tokens_per_second": round(rate, 1),
        "tokens_per_processor_second": round(rate * seconds / max(worked, 1e-9), 1),
        "flops_per_second": round(rate * model.flops_per_token(config.sequence_length)),
        "watts": None if energy.joules is None else round(energy.joules / seconds, 2),
        "energy_method": energy.method,
    }


_objective = partial(next_token.loss, config=next_token.Config())


def random_batch(vocabulary: int, rows: int, length: int, seed: int = 0) -> Batch:
    """Return rows of random tokens, each of two documents."""
    tokens = np.random.default_rng(seed).integers(vocabulary, size=(rows, length))
    segments = (np.arange(length) * _DOCUMENTS_IN_ROW // length).astype(np.int32)
    return Batch(tokens, np.roll(tokens, -1, axis=1), np.broadcast_to(segments, tokens.shape))
