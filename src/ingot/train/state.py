"""Everything a training needs to go on as if it had never stopped.

Weights, optimiser moments, the counters, the random generator, and what rounding depends on: the number of threads and
the precision. On a processor, the same state continues bit for bit; that is why `threads` and `precision` come from the
checkpoint on a resume, not from the machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ingot.core.hardware import machine
from ingot.model.decoder import Decoder
from ingot.train.config import Precision, PretrainConfig
from ingot.train.optim import optimizers

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
_GENERATOR = "generator"
_COUNTERS = ("step", "batch", "tokens", "seconds", "usual_norm", "skipped_in_row", "rewinds")


@dataclass(eq=False)
class TrainingState:
    """A training between two steps: `step` are done, `tokens` were read, in `seconds` of stepping alone.

    `batch` is the number of the next batch, which runs ahead of the steps when a rewind left some out. `usual_norm` is
    the running mean of gradient lengths. `rewinds` counts since the last checkpoint that was written. `bits` are those
    of the weights after the last step.
    """

    decoder: Decoder
    optimizers: tuple[torch.optim.Optimizer, ...]
    threads: int
    precision: str
    device: torch.device
    step: int = 0
    batch: int = 0
    tokens: int = 0
    seconds: float = 0.0
    usual_norm: float = 0.0
    skipped_in_row: int = 0
    rewinds: int = 0
    bits: int | None = None


@contextlib.contextmanager
def reproducible(threads: int, device: torch.device) -> Iterator[None]:
    """Make arithmetic inside the block repeat exactly: a fixed number of threads and deterministic kernels."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    # Accelerators have kernels without a deterministic form, and there nothing promises equal bits.
    torch.use_deterministic_algorithms(device.type == "cpu")
    # A debugging aid that comes with them: it would write NaN over every new tensor first.
    deterministic: Any = torch.utils.deterministic
    fill_before, deterministic.fill_uninitialized_memory = deterministic.fill_uninitialized_memory, False
    try:
        yield
    finally:
        deterministic.fill_uninitialized_memory = fill_before
        torch.use_deterministic_algorithms(before[1])
        torch.set_num_threads(before[0])


def resolve_precision(wanted: Precision, device: torch.device) -> str:
    """Return "bf16" or "fp32"; "auto" is bf16 where the hardware multiplies it: elsewhere it is slow."""
    if wanted != "auto":
        return wanted
    has_bf16 = machine().has_bf16 if device.type == "cpu" else device.type == "cuda" and torch.cuda.is_bf16_supported()
    return "bf16" if has_bf16 else "fp32"


def begin(config: PretrainConfig, threads: int, precision: str, device: torch.device) -> TrainingState:
    """Return the state before the first step: random weights drawn from the seed."""
    torch.manual_seed(config.seed)
    # Drawn on the processor whatever the device, so that a seed means the same weights everywhere.
    decoder = Decoder(config.model, DTYPES[precision]).to(device)
    return TrainingState(decoder, optimizers(decoder, config), threads, precision, device)


def scalars(state: TrainingState) -> dict[str, Any]:
    """Return the part of the state that is written as JSON."""
    return {name: getattr(state, name) for name in (*_COUNTERS, "threads", "precision")}


def tensors(state: TrainingState) -> dict[str, Tensor]:
    """Return a copy of the part of the state that is written as tensors, on the processor, by name."""
    weights = {f"model.{name}": weight for name, weight in state.decoder.state_dict().items()}
    moments = {
        f"optimizer.{name}.{kind}": moment
        for name, parameter in state.decoder.named_parameters()
        for optimizer in state.optimizers
        for kind, moment in optimizer.state.get(parameter, {}).items()
    }
    everything = {**weights, **moments, _GENERATOR: torch.get_rng_state()}
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in everything.items()}


def restore(state: TrainingState, saved: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
    """Bring a state from :func:`begin` to where `saved` and `counters` were taken."""
    state.decoder.load_state_dict(_below(saved, "model.", state.device))
    names = {parameter: name for name, parameter in state.decoder.named_parameters()}
    for optimizer in state.optimizers:
        for parameter in (member for group in optimizer.param_groups for member in group["params"]):
            optimizer.state[parameter] = _below(saved, f"optimizer.{names[parameter]}.", state.device)
    torch.set_rng_state(saved[_GENERATOR])
    for name in _COUNTERS:
        setattr(state, name, counters[name])
    state.bits = None


def _below(saved: Mapping[str, Tensor], prefix: str, device: torch.device) -> dict[str, Tensor]:
    """Return the tensors whose names begin with the prefix, without it."""
    return {name.removeprefix(prefix): t.to(device) for name, t in saved.items() if name.startswith(prefix)}
