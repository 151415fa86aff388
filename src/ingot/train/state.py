"""Everything a training needs to go on as if it had never stopped.

Weights, optimiser moments, the counters, the random generator, and what rounding depends on: the number of threads, the
precision, and whether it is compiled. On a processor, the same state continues bit for bit; that is why these come from
the checkpoint on a resume, not from the machine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ingot.core.errors import InputError, UsageError
from ingot.core.hardware import machine
from ingot.model.decoder import Decoder
from ingot.train.averaging import first_means
from ingot.train.config import Precision, PretrainConfig
from ingot.train.drawing import first_parts
from ingot.train.objective import Head
from ingot.train.optim import optimizers
from ingot.train.parallel.placement import Placement, Region, alone, part_of

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
_GENERATOR, _MEAN = "generator", "mean."
_STEP = ".step"  # AdamW counts per weight; everything else it keeps has the shape of the weight
_COUNTERS = ("step", "batch", "tokens", "seconds", "usual_norm", "skipped_in_row", "rewinds", "starts", "first_loss")


@dataclass(eq=False)
class TrainingState:
    """A training between two steps: `step` are done, `tokens` were read, in `seconds` of stepping alone.

    `batch` is the number of the next batch, which runs ahead of the steps when a rewind left some out. `usual_norm` is
    the running mean of gradient lengths. `rewinds` counts since the last regular checkpoint was written, `starts` how
    often the training was started. `bits` are those of the weights after the last step, `means` the running means of
    the weights by name, where they are kept, `origin` those it began with, of which `start_share` is kept.
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
    starts: int = 1
    is_compiled: bool = False
    first_loss: float = 0.0
    bits: int | None = None
    placement: Placement = field(default_factory=Placement)
    means: dict[str, Tensor] = field(default_factory=dict)
    origin: dict[str, Tensor] = field(default_factory=dict)
    start_share: float = 0.0


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
    """Return "bf16" or "fp32"; "auto" is bf16 where the hardware multiplies it: elsewhere it is slow.

    Raises UsageError for bf16 on a GPU without it; a processor computes it anyhow, slowly.
    """
    is_cuda = device.type == "cuda"
    # Emulated bf16 is slower than fp32, and its sums are not those that were tested.
    has_bf16 = is_cuda and torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "bf16" and is_cuda and not has_bf16:
        raise UsageError(
            "this GPU does not multiply bf16",
            where="training config, option precision",
            why=f"{torch.cuda.get_device_name(device)} is older than that: it has fp32 and fp16 alone",
            fix="leave precision out: a new training takes fp32 here; one begun in bf16 goes on where there is bf16",
        )
    if wanted != "auto":
        return wanted
    has_bf16 = has_bf16 or (device.type == "cpu" and machine().has_bf16)
    return "bf16" if has_bf16 else "fp32"


def begin(
    config: PretrainConfig,
    threads: int,
    precision: str,
    device: torch.device,
    start: Path | None = None,
    spread: Callable[[Decoder], Placement] = alone,
    head: Head | None = None,
) -> TrainingState:
    """Return the state before the first step: weights drawn from the seed, or those of the model folder `start`.

    `spread` divides the decoder among processes, in place; a `head` is put on it before. Raises UsageError for a share
    of a start that there is not.
    """
    if config.start_share and (start is None or head is not None):
        raise _no_start_to_keep(config.objective, start)
    decoder, placement = first_parts(config, DTYPES[precision], start, device, spread, head)
    by = optimizers(decoder, config, placement)
    means = first_means(decoder, placement) if config.average_decay else {}
    origin = first_means(decoder, placement) if config.start_share else {}
    kept: dict[str, Any] = {"means": means, "origin": origin, "start_share": config.start_share}
    return TrainingState(decoder, by, threads, precision, device, placement=placement, **kept)


def _no_start_to_keep(objective: str, start: Path | None) -> UsageError:
    why = f"the head of {objective!r} is new, its start is chance" if start else "it begins with random weights"
    return UsageError(
        "a share of its start cannot be kept by this training",
        where="training config, option start_share",
        why=why,
        fix="leave start_share out, or give the model to go on from as the input `start`",
    )


def scalars(state: TrainingState) -> dict[str, Any]:
    """Return the part of the state that is written as JSON."""
    kept = {name: getattr(state, name) for name in (*_COUNTERS, "threads", "precision", "is_compiled")}
    return {**kept, "ranks": state.placement.ranks.size}


def tensors(state: TrainingState) -> dict[str, Tensor]:
    """Return a copy of what this rank writes of the state as tensors, on the processor, by name."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in _written(state).items()}


def regions(state: TrainingState) -> dict[str, Region]:
    """Return which parts the tensors of the state are that are not whole, by the names they are written under."""
    found = {name: state.placement.region(_weight_of(name)) for name in _written(state) if not name.endswith(_STEP)}
    return {name: region for name, region in found.items() if region is not None}


def _written(state: TrainingState) -> dict[str, Tensor]:
    is_written, local = state.placement.is_written, state.placement.local
    weights = {
        f"model.{name}": local(tensor) for name, tensor in state.decoder.state_dict().items() if is_written(name)
    }
    moments = {
        f"optimizer.{name}.{kind}": local(moment)
        for name, parameter in state.decoder.named_parameters()
        if is_written(name)
        for optimizer in state.optimizers
        for kind, moment in optimizer.state.get(parameter, {}).items()
    }
    means = {f"{_MEAN}{name}": mean for name, mean in state.means.items() if is_written(name)}
    # Every rank draws the same: one generator is enough.
    generator = {_GENERATOR: torch.get_rng_state()} if state.placement.ranks.rank == 0 else {}
    return {**weights, **moments, **means, **generator}


@torch.no_grad()
def restore(state: TrainingState, saved: Mapping[str, Tensor], counters: Mapping[str, Any]) -> None:
    """Bring a state from :func:`begin` to where `saved` and `counters` were taken, by however many ranks.

    Raises InputError for a checkpoint of another model.
    """
    local, region = state.placement.local, state.placement.region
    written_names = frozenset(saved)  # to ask the mapping itself would read what is asked for
    for name, weight in state.decoder.state_dict().items():
        part = part_of(saved, f"model.{name}", region(name)) if f"model.{name}" in written_names else None
        if part is None or part.shape != local(weight).shape:
            raise _another_model(name, None if part is None else tuple(part.shape), tuple(local(weight).shape))
        local(weight).copy_(part)
    names = {parameter: name for name, parameter in state.decoder.named_parameters()}
    kinds: dict[str, list[str]] = {}
    for written in saved:
        if written.startswith("optimizer."):
            kinds.setdefault(_weight_of(written), []).append(written.rpartition(".")[2])
    for optimizer in state.optimizers:
        for parameter in (member for group in optimizer.param_groups for member in group["params"]):
            name, moments = names[parameter], {}
            for kind in kinds.get(name, ()):
                written = f"optimizer.{name}.{kind}"
                if written.endswith(_STEP):
                    moments[kind] = saved[written].to(state.device, copy=True)
                else:
                    moments[kind] = torch.zeros_like(parameter)
                    local(moments[kind]).copy_(part_of(saved, written, region(name)))
            optimizer.state[parameter] = moments
    for name, mean in state.means.items():
        mean.copy_(part_of(saved, f"{_MEAN}{name}", region(name)))
    torch.set_rng_state(saved[_GENERATOR])
    for name in _COUNTERS:
        setattr(state, name, counters[name])
    state.bits = None


def _another_model(name: str, found: tuple[int, ...] | None, wanted: tuple[int, ...]) -> InputError:
    return InputError(
        "the checkpoint to go on from is that of another model",
        where=f"the training's folder of checkpoints, weight {name}",
        why=f"this model has it in the shape {list(wanted)}, there it is {'missing' if found is None else list(found)}",
        fix="move the checkpoints away to begin anew, or train from a finished model with the input `start`",
    )


def _weight_of(written: str) -> str:
    """Return the name of the weight that a tensor of a checkpoint is, or is a moment of."""
    kind, _, rest = written.partition(".")
    return rest.rpartition(".")[0] if kind == "optimizer" else rest
