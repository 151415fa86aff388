"""Several processes train what one process trains, and any number of them goes on where others stopped.

Three figures. The loss of every step with two processes, their weights sharded, their matrices cut or their experts
dealt out, against one process with the same seed and rows, in fp32. A training that two processes begin, one continues
and four end: the state that is read is bit for bit the state that was written, and the losses are those of an unbroken
run. And a 400-billion-parameter mixture laid out on 1,024 and 4,096 ranks that do not exist (torch's fake process group
and tensors without memory): how long that takes, and how much more than its share the largest rank holds.

    python benchmarks/train_parallel.py [--quick]
"""

from __future__ import annotations

import argparse
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
from ingot.model.decoder import Decoder
from ingot.model.presets import preset
from ingot.plan.parallel import ParallelPlan
from ingot.train.checkpoint import Checkpoints, Saved
from ingot.train.config import PretrainConfig
from ingot.train.objectives import next_token
from ingot.train.parallel.placement import Placement
from ingot.train.parallel.ranks import Ranks, joined
from ingot.train.parallel.spread import spread
from ingot.train.probe import random_batch
from ingot.train.state import TrainingState, begin, regions, restore, scalars, tensors
from ingot.train.trainer import advance

DENSE = ModelConfig(256, width=32, layers=2, heads=4, kv_heads=2, head_width=16, ffn_width=64, context=64)
# Router losses are means over the tokens a process reads, as over those of a piece: here they are left out.
MIXTURE = replace(DENSE, experts=4, experts_per_token=2, expert_ffn_width=32, balance_loss=0.0, router_z_loss=0.0)
BALANCED = replace(MIXTURE, balance="bias", balance_step=0.05)
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
}
FOUR = {
    "fsdp_tensor": (DENSE, ParallelPlan(shard=2, tensor=2)),
    "fsdp_expert": (MIXTURE, ParallelPlan(shard=4, expert=2)),
    "expert_tensor": (MIXTURE, ParallelPlan(shard=2, expert=2, tensor=2)),
}
ROWS, LENGTH, STEPS = 8, 32, 20
CPU = torch.device("cpu")
_LOSS = partial(next_token.loss, config=next_token.Config())


def settings(model: ModelConfig, steps: int = STEPS) -> PretrainConfig:
    return PretrainConfig(
        model, steps, ROWS, LENGTH, warmup_steps=3, precision="fp32", learning_rate=1e-3, verify_every=7
    )


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
    divide = partial(spread, plan=plan, ranks=ranks) if ranks.size > 1 else (lambda _: Placement())
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
        for model in (DENSE, MIXTURE, BALANCED)
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
    ideal = LARGE.parameters / (plan.shard * plan.tensor)
    return {"seconds": time.monotonic() - began, "held": held, "ideal": ideal, "over": held / ideal - 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer plans, and no 4,096 ranks")
    is_quick = parser.parse_args().quick
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    os.environ["OMP_NUM_THREADS"] = "1"
    details: dict[str, Any] = {"differences": equality(STEPS, is_quick)}
    print(details, file=sys.stderr)
    details["dense"] = resharding(DENSE, [ParallelPlan(shard=2), ParallelPlan(), ParallelPlan(shard=4)])
    if not is_quick:
        plans = [ParallelPlan(shard=2, expert=2), ParallelPlan(), ParallelPlan(shard=2, expert=2, tensor=2)]
        details["mixture"] = resharding(MIXTURE, plans)
    print(details, file=sys.stderr)
    sizes = {1024: ParallelPlan(shard=1024, expert=128)} | (
        {} if is_quick else {4096: ParallelPlan(data=4, shard=1024, expert=128)}
    )
    # The first rank holds the most: parts are dealt from the front.
    details["laid_out"] = {size: laid_out(plan, 0) for size, plan in sizes.items()}
    details["parameters"], details["last_of_1024"] = LARGE.parameters, laid_out(sizes[1024], 1023)
    publish("train_parallel", figures(details), details)


def figures(details: dict[str, Any]) -> list[Figure]:
    differences = details["differences"]
    largest = {name: differences[name] for name in ("fsdp", "tensor", "expert")}
    told = [
        Figure(f"{name}: loss apart from one process", value, "nats", "<= 1e-5", value <= 1e-5)
        for name, value in largest.items()
    ]
    told.append(Figure("all plans", max(differences.values()), "nats", "<= 1e-5", max(differences.values()) <= 1e-5))
    for name in ("dense", "mixture"):
        if name in details:
            found = details[name]
            holds = found["states_equal"] and found["largest_difference"] <= 1e-5
            told.append(
                Figure(f"2 -> 1 -> 4, {name}", found["largest_difference"], "nats", "state equal, <= 1e-5", holds)
            )
    for size, found in details["laid_out"].items():
        told.append(Figure(f"400B on {size} ranks", found["seconds"], "s", "<= 60", found["seconds"] <= 60))
        told.append(Figure(f"largest of {size}", 100 * found["over"], "% over ideal", "<= 5", found["over"] <= 0.05))
    return told


if __name__ == "__main__":
    main()
