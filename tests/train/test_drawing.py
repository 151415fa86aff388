"""First weights in parts: those of one process bit for bit, on ranks that do not exist, in the memory of a share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore

from ingot.model.convert import SpecialTokens, save
from ingot.model.decoder import Decoder
from ingot.plan.parallel import ParallelPlan
from ingot.train.config import PretrainConfig
from ingot.train.drawing import LARGE, first_parts
from ingot.train.parallel.placement import Placement
from ingot.train.parallel.ranks import Ranks
from ingot.train.parallel.spread import spread
from tests.train.small import MODEL

MIXTURE = replace(
    MODEL, layers=3, experts=4, experts_per_token=2, expert_ffn_width=32, balance="bias", has_tied_embeddings=False
)
CPU = torch.device("cpu")
PLANS = [ParallelPlan(shard=2, expert=2, tensor=2), ParallelPlan(pipeline=2, shard=2), ParallelPlan(data=2, context=2)]


@contextmanager
def one_of_many(plan: ParallelPlan, rank: int) -> Iterator[Ranks]:
    dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=plan.processes)
    try:
        yield Ranks(rank, plan.processes)
    finally:
        dist.destroy_process_group()


def compare(config: PretrainConfig, plan: ParallelPlan, start: Path | None = None, large: int = LARGE) -> None:
    """Compare what each rank holds with the whole, and see that together they hold all of it."""
    alone, _ = first_parts(config, torch.float32, start, CPU, large=large)
    whole, seen = alone.state_dict(), set()
    for rank in range(plan.processes):
        with one_of_many(plan, rank) as ranks:
            divide = partial(spread, plan=plan, ranks=ranks)
            decoder, placement = first_parts(config, torch.float32, start, CPU, divide, large=large)
            for name, tensor in decoder.state_dict().items():
                region = placement.region(name)
                expected = whole[name] if region is None else whole[name][region.slices]
                assert torch.equal(placement.local(tensor), expected), f"{name} on rank {rank}"
                seen.add(name)
    assert seen == set(whole)


@pytest.mark.parametrize("plan", PLANS, ids=str)
@pytest.mark.parametrize("large", [LARGE, 0], ids=["in turn", "by row"])
def test_every_rank_holds_parts_of_what_one_process_draws(plan: ParallelPlan, large: int) -> None:
    compare(PretrainConfig(MIXTURE, 1, seed=5, base_width=16), plan, large=large)


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_every_rank_holds_parts_of_what_it_begins_with(plan: ParallelPlan, tmp_path: Path) -> None:
    torch.manual_seed(7)
    save(Decoder(MIXTURE), tmp_path, SpecialTokens(0, (1,), 2))
    compare(PretrainConfig(MIXTURE, 1), plan, tmp_path)


def test_a_process_that_has_all_draws_what_it_always_drew() -> None:
    torch.manual_seed(3)
    expected, generator = Decoder(MODEL).state_dict(), torch.get_rng_state()
    # Nothing is left out here, but it is drawn in parts.
    decoder, _ = first_parts(PretrainConfig(MODEL, 1, seed=3), torch.float32, None, CPU, lambda _: Placement())
    assert all(torch.equal(tensor, expected[name]) for name, tensor in decoder.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generator)


def test_rows_drawn_apart_are_spread_as_others_are() -> None:
    decoder, _ = first_parts(PretrainConfig(MODEL, 1), torch.float32, None, CPU, large=0)
    table = decoder.embed_tokens.weight.detach()
    assert abs(float(table.mean())) < 1e-3
    assert float(table.std()) == pytest.approx(0.02, rel=0.05)
    assert len(torch.unique(table)) > 0.99 * table.numel()


_MEASURED = """
import resource, sys
import torch
from ingot.model.config import ModelConfig
from ingot.plan.parallel import ParallelPlan
from ingot.train.config import PretrainConfig
from tests.train.test_drawing import first_held

model = ModelConfig(4096, width=512, layers=8, heads=8, kv_heads=4, head_width=64, ffn_width=1408)
begun, share, peak = first_held(PretrainConfig(model, 1), ParallelPlan(shard=8))
print(4 * model.parameters, share, peak)
"""


def first_held(config: PretrainConfig, plan: ParallelPlan) -> tuple[Decoder, int, int]:
    """Begin on rank 0 of processes that do not exist; return its share in bytes and what memory that took at most."""
    import resource

    with one_of_many(plan, 0) as ranks:
        small = PretrainConfig(MODEL, 1)
        first_parts(small, torch.float32, None, CPU, partial(spread, plan=plan, ranks=ranks))  # what libraries keep
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        decoder, placement = first_parts(config, torch.float32, None, CPU, partial(spread, plan=plan, ranks=ranks))
        peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        return decoder, sum(part.nbytes for part in placement.parameters(decoder)), peak


@pytest.mark.slow
def test_the_first_rank_needs_the_memory_of_its_share_and_one_weight() -> None:
    done = subprocess.run([sys.executable, "-c", _MEASURED], capture_output=True, text=True, check=True)
    whole, share, peak = map(int, done.stdout.split())
    assert share == pytest.approx(whole / 8, rel=0.02)
    assert peak < share + whole / 8, f"{peak} bytes at most for a share of {share} of {whole}"
