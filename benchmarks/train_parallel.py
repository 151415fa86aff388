"""Several processes train what one process trains, and any number of them goes on where others stopped.

Four figures. The loss of every step with two processes, their weights sharded, their matrices cut, their experts dealt
out, their layers in a row or their rows cut along the tokens, against one process with the same seed and rows, in fp32;
four processes do two of these at once. A training that two processes begin, one continues and two or four end: the
state that is read is bit for bit the state that was written, and the losses are those of an unbroken run. A
400-billion-parameter mixture laid out on 1,024 and 4,096 ranks that do not exist (torch's fake process group and
tensors without memory): how long that takes, and how much more than its share the largest rank holds. And memory: what
the first of four processes needs to begin and to write the model, and what it takes to draw the share that one of 1,024
ranks has of that mixture, in this machine's real memory.

    python benchmarks/train_parallel.py [--quick]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn as start_processes
from torch.testing._internal.distributed.fake_pg import FakeStore

from benchmarks.report import Figure, publish
from ingot.data.stream import Batch
from ingot.model.config import ModelConfig
from ingot.model.convert import SpecialTokens
from ingot.model.decoder import Decoder
from ingot.model.presets import preset
from ingot.plan.parallel import ParallelPlan
from ingot.train.checkpoint import Checkpoints, Saved
from ingot.train.config import PretrainConfig
from ingot.train.drawing import first_parts
from ingot.train.objectives import next_token
from ingot.train.parallel.placement import Placement, alone
from ingot.train.parallel.ranks import Ranks, joined
from ingot.train.parallel.spread import spread
from ingot.train.parallel.writing import write_in_turn
from ingot.train.probe import random_batch
from ingot.train.state import TrainingState, begin, regions, restore, scalars, tensors
from ingot.train.trainer import advance

DENSE = ModelConfig(256, width=32, layers=2, heads=4, kv_heads=2, head_width=16, ffn_width=64, context=64)
# Router losses are means over the tokens a process reads, as over those of a piece: here they are left out.
MIXTURE = replace(DENSE, experts=4, experts_per_token=2, expert_ffn_width=32, balance_loss=0.0, router_z_loss=0.0)
BALANCED = replace(MIXTURE, balance="bias", balance_step=0.05)
UNTIED = replace(DENSE, has_tied_embeddings=False)
WINDOWED = replace(UNTIED, sliding_window=9, full_attention_layers=(1,))
ASKING = replace(MIXTURE, balance_loss=0.01, router_z_loss=0.001)
LARGE = preset("400b-a32b").model
PLANS = {
    "fsdp": (DENSE, ParallelPlan(shard=2)),
    "replicas": (DENSE, ParallelPlan(data=2)),
    "tensor": (DENSE, ParallelPlan(tensor=2)),
    "fsdp_mixture": (MIXTURE, ParallelPlan(shard=2)),
    "tensor_mixture": (MIXTURE, ParallelPlan(tensor=2)),
    "expert": (MIXTURE, ParallelPlan(shard=2, expert=2)),
    "expert_bias": (BALANCED, ParallelPlan(shard=2, expert=2)),
    "tensor_bias": (BALANCED, ParallelPlan(tensor=2)),
    "pipeline": (DENSE, ParallelPlan(pipeline=2)),
    "pipeline_mixture": (ASKING, ParallelPlan(pipeline=2)),
    "pipeline_bias": (BALANCED, ParallelPlan(pipeline=2)),
    "context": (DENSE, ParallelPlan(context=2)),
    "context_window": (WINDOWED, ParallelPlan(context=2)),
    "context_expert": (MIXTURE, ParallelPlan(context=2, expert=2)),
}
FOUR = {
    "fsdp_tensor": (DENSE, ParallelPlan(shard=2, tensor=2)),
    "fsdp_expert": (MIXTURE, ParallelPlan(shard=4, expert=2)),
    "expert_tensor": (MIXTURE, ParallelPlan(shard=2, expert=2, tensor=2)),
    "pipeline_fsdp": (UNTIED, ParallelPlan(pipeline=2, shard=2)),
    "pipeline_tensor": (DENSE, ParallelPlan(pipeline=2, tensor=2)),
    "pipeline_context": (DENSE, ParallelPlan(pipeline=2, context=2)),
    "fsdp_context": (WINDOWED, ParallelPlan(shard=2, context=2)),
    "context_tensor": (DENSE, ParallelPlan(context=2, tensor=2)),
}
ROWS, LENGTH, STEPS = 8, 32, 20
CPU = torch.device("cpu")
_LOSS = partial(next_token.loss, config=next_token.Config())


def settings(model: ModelConfig, steps: int = STEPS) -> PretrainConfig:
    # What routers ask of the loss is a mean over a piece: a pipeline's pieces are to be those of one process.
    pieces = ROWS if model == ASKING else 1
    rest: dict[str, Any] = {"warmup_steps": 3, "precision": "fp32", "learning_rate": 1e-3, "verify_every": 7}
    return PretrainConfig(model, steps, ROWS, LENGTH, accumulate=pieces, **rest)


def rows_of(step: int, placement: Placement) -> Batch:
    """Return this reader's rows of a step's batch of random tokens."""
    batch = random_batch(DENSE.vocabulary, ROWS, LENGTH, seed=step)
    share = ROWS // placement.readers
    mine = slice(placement.reader * share, (placement.reader + 1) * share)
    return Batch(batch.tokens[mine], batch.targets[mine], batch.segments[mine])


def losses(state: TrainingState, config: PretrainConfig, until: int) -> list[float]:
    told = []
    while state.step < until:
        is_verified = (state.step + 1) % config.verify_every == 0
        told.append(advance(state, rows_of(state.step, state.placement), _LOSS, config, is_verified).loss)
    return told


def started(config: PretrainConfig, plan: ParallelPlan, ranks: Ranks, saved: Saved | None = None) -> TrainingState:
    divide = partial(spread, plan=plan, ranks=ranks) if ranks.size > 1 else alone
    state = begin(config, 1, "fp32", CPU, spread=divide)
    if saved is not None:
        restore(state, saved.tensors, saved.scalars)
    return state


def together(count: int, work: Callable[..., Any], *arguments: Any) -> Any:
    """Run `work(ranks, *arguments)` in so many processes and return what rank 0 returned."""
    with tempfile.TemporaryDirectory() as folder:
        start_processes(_member, (count, folder, work, arguments), count)  # type: ignore[no-untyped-call]  # as published
        return json.loads((Path(folder) / "answer").read_text())


def _member(rank: int, count: int, folder: str, work: Callable[..., Any], arguments: Sequence[Any]) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count)
    answer = work(joined(None), *arguments)
    if rank == 0:
        (Path(folder) / "answer").write_text(json.dumps(answer))
    dist.barrier()
    dist.destroy_process_group()


def train_plans(ranks: Ranks, named: dict[str, tuple[ModelConfig, ParallelPlan]], steps: int) -> dict[str, list[float]]:
    return {
        name: losses(started(settings(model), plan, ranks), settings(model), steps)
        for name, (model, plan) in named.items()
    }


def go_on(ranks: Ranks, folder: str, plan: ParallelPlan, model: ModelConfig, until: int) -> tuple[bool, list[float]]:
    """Go on from the newest checkpoint, if there is one; return whether what was read is what was written."""
    config, checkpoints = settings(model), Checkpoints(Path(folder), 9, _silent, ranks.beside())
    saved = checkpoints.newest()
    state = started(config, plan, ranks, saved)
    is_same = True
    if saved is not None:
        again = Checkpoints(Path(folder) / f"again-{ranks.size}-{until}", 9, _silent, ranks.beside())
        assert again.save(state.step, tensors(state), scalars(state), regions(state))
        read = again.newest()
        assert read is not None
        is_same = set(read.tensors) == set(saved.tensors) and all(
            torch.equal(read.tensors[name], saved.tensors[name]) for name in saved.tensors
        )
    told = losses(state, config, until)
    assert checkpoints.save(state.step, tensors(state), scalars(state), regions(state))
    return is_same, told


def _silent(kind: str, /, **_: Any) -> None: ...


def equality(steps: int, is_quick: bool) -> dict[str, float]:
    """Return the largest difference of a step's loss from one process, by plan."""
    alone = {
        model: losses(started(settings(model), ParallelPlan(), Ranks()), settings(model), steps)
        for model in (DENSE, MIXTURE, BALANCED, UNTIED, WINDOWED, ASKING)
    }
    found = together(2, train_plans, PLANS, steps)
    if not is_quick:
        found |= together(4, train_plans, FOUR, steps)
    models = {name: model for name, (model, _) in (PLANS | FOUR).items()}
    return {
        name: max(abs(one - other) for one, other in zip(told, alone[models[name]], strict=True))
        for name, told in found.items()
    }


def resharding(model: ModelConfig, plans: Sequence[ParallelPlan]) -> dict[str, Any]:
    """Train a third each by two, one and four processes."""
    ends = (STEPS // 3, 2 * STEPS // 3, STEPS)
    told: list[float] = []
    same: list[bool] = []
    with tempfile.TemporaryDirectory() as folder:
        for end, plan in zip(ends, plans, strict=True):
            work = (folder, plan, model, end)
            is_same, part = go_on(Ranks(), *work) if plan.processes == 1 else together(plan.processes, go_on, *work)
            same.append(is_same)
            told += part
    alone = losses(started(settings(model), ParallelPlan(), Ranks()), settings(model), STEPS)
    difference = max(abs(one - other) for one, other in zip(told, alone, strict=True))
    return {"states_equal": all(same), "largest_difference": difference, "steps": len(told)}


def laid_out(plan: ParallelPlan, rank: int) -> dict[str, float]:
    """Lay the large model out on ranks that do not exist and return what one of them holds."""
    began = time.monotonic()
    dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=plan.processes)
    try:
        with torch.device("meta"):
            decoder = Decoder(LARGE, torch.bfloat16)
        placement = spread(decoder, plan, Ranks(rank, plan.processes))
        held = sum(part.numel() for part in placement.parameters(decoder))
    finally:
        dist.destroy_process_group()
    ideal = LARGE.parameters / (plan.parts * plan.tensor * plan.pipeline)
    return {"seconds": time.monotonic() - began, "held": held, "ideal": ideal, "over": held / ideal - 1}


class Peak:
    """The most memory this process has held since it was asked, beyond what it held then, in bytes."""

    def __init__(self) -> None:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the mark of the highest use goes down to what is used now
        self._before = self._held()

    def __call__(self) -> int:
        return self._held() - self._before

    def _held(self) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def memory(ranks: Ranks) -> dict[str, int]:
    """Begin a training and write its model; return what the process that most is asked of held at most."""
    model = ModelConfig(8192, width=512, layers=16, heads=8, kv_heads=4, head_width=64, ffn_width=1408)
    divide = partial(spread, plan=ParallelPlan(shard=ranks.size), ranks=ranks)
    begin(settings(DENSE), 1, "fp32", CPU, spread=divide)  # what libraries keep
    beginning = Peak()
    state = begin(settings(model), 1, "fp32", CPU, spread=divide)
    begun, writing, file_bytes = beginning(), Peak(), 32 << 20
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) if ranks.rank == 0 else Path("/dev/null")
        write_in_turn(state.placement, state.decoder, where, SpecialTokens(0, (1,), 2), max_file_bytes=file_bytes)
    share = sum(part.nbytes for part in state.placement.parameters(state.decoder))
    largest = 4 * max(parameter.numel() for parameter in state.decoder.parameters())
    found = {"begun": begun, "written": writing(), "share": share, "largest": largest, "file": file_bytes}
    return {**found, "whole": 4 * model.parameters}


def drawn(plan: ParallelPlan) -> dict[str, float]:
    """Draw the first weights that the first of many ranks holds of the large model."""
    began, peak = time.monotonic(), Peak()
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=plan.processes)
    try:
        divide = partial(spread, plan=plan, ranks=Ranks(0, plan.processes))
        decoder, placement = first_parts(PretrainConfig(LARGE, 1), torch.bfloat16, None, CPU, divide)
        share = sum(part.nbytes for part in placement.parameters(decoder))
    finally:
        dist.destroy_process_group()
    return {"seconds": time.monotonic() - began, "share": share, "peak": peak()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer plans, and no 4,096 ranks")
    is_quick = parser.parse_args().quick
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    os.environ["OMP_NUM_THREADS"] = "1"
    details: dict[str, Any] = {"is_quick": is_quick, "differences": equality(STEPS, is_quick)}
    print(details, file=sys.stderr)
    details["dense"] = resharding(DENSE, [ParallelPlan(shard=2), ParallelPlan(), ParallelPlan(shard=4)])
    if not is_quick:
        alone = ParallelPlan()
        plans = [ParallelPlan(shard=2, expert=2), alone, ParallelPlan(shard=2, expert=2, tensor=2)]
        details["mixture"] = resharding(MIXTURE, plans)
        details["pipeline"] = resharding(DENSE, [ParallelPlan(pipeline=2), alone, ParallelPlan(pipeline=2)])
        details["context"] = resharding(WINDOWED, [ParallelPlan(context=2), alone, ParallelPlan(context=2)])
        details["memory"], details["drawn"] = together(4, memory), drawn(ParallelPlan(shard=1024, expert=128))
    print(details, file=sys.stderr)
    sizes: dict[str, ParallelPlan] = {"1024": ParallelPlan(shard=1024, expert=128)}
    if not is_quick:
        sizes["4096"] = ParallelPlan(data=4, shard=1024, expert=128)
        # Every way at once; the stage with the token table holds the most.
        sizes["4096, all ways,"] = ParallelPlan(pipeline=8, data=2, shard=32, context=4, expert=128, tensor=2)
    # The first rank holds the most: parts are dealt from the front.
    details["laid_out"] = {size: laid_out(plan, 0) for size, plan in sizes.items()}
    details["parameters"], details["last_of_1024"] = LARGE.parameters, laid_out(sizes["1024"], 1023)
    publish("train_parallel", figures(details), details)


def figures(details: dict[str, Any]) -> list[Figure]:
    differences = details["differences"]
    largest = {name: differences[name] for name in ("fsdp", "tensor", "expert", "pipeline", "context")}
    told = [
        Figure(f"{name}: loss apart from one process", value, "nats", "<= 1e-5", value <= 1e-5)
        for name, value in largest.items()
    ]
    told.append(Figure("all plans", max(differences.values()), "nats", "<= 1e-5", max(differences.values()) <= 1e-5))
    for name, end in {"dense": 4, "mixture": 4, "pipeline": 2, "context": 2}.items():
        found = details.get(name)
        value = found and found["largest_difference"]
        holds = found and found["states_equal"] and found["largest_difference"] <= 1e-5
        told.append(Figure(f"2 -> 1 -> {end}, {name}", value, "nats", "state equal, <= 1e-5", holds))
    for size, found in details["laid_out"].items():
        told.append(Figure(f"400B on {size} ranks", found["seconds"], "s", "<= 60", found["seconds"] <= 60))
        told.append(Figure(f"largest of {size}", 100 * found["over"], "% over ideal", "<= 5", found["over"] <= 0.05))
    return [*told, *of_memory(details.get("memory"), details.get("drawn"))]


def of_memory(found: dict[str, int] | None, large: dict[str, float] | None) -> list[Figure]:
    """Return how much memory it takes to begin and to write, over what has to be held."""
    begun = found["begun"] / (found["share"] + found["largest"]) if found else None
    written = found["written"] / (found["file"] + found["largest"]) if found else None
    peak = large["peak"] / large["share"] if large else None
    return [
        Figure("first of 4: memory to begin", begun, "x (share + one weight)", "<= 1.2", _at_most(1.2, begun)),
        Figure("first of 4: memory to write", written, "x (one file + one weight)", "<= 1.5", _at_most(1.5, written)),
        Figure("400B: memory to draw 1 share of 1024", peak, "x share", "<= 1.2", _at_most(1.2, peak)),
        Figure("400B: time to draw 1 share of 1024", large["seconds"] if large else None, "s", "", None),
    ]


def _at_most(goal: float, value: float | None) -> bool | None:
    return None if value is None else value <= goal


if __name__ == "__main__":
    main()
