from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.errors import UsageError
from ingot.model.config import ModelConfig
from ingot.plan.parallel import ParallelPlan, planned, read, rows_at_once

DENSE = ModelConfig(512, width=64, layers=2, heads=8, kv_heads=4, head_width=16, ffn_width=96)
MIXTURE = replace(DENSE, experts=8, experts_per_token=2, expert_ffn_width=32)


@pytest.mark.parametrize(
    ("processes", "given", "plan"),
    [
        (1, {}, ParallelPlan()),
        (8, {}, ParallelPlan(shard=8)),
        (8, {"tensor": 2, "data": 2}, ParallelPlan(data=2, shard=2, tensor=2)),
        (4, {"expert": 4}, ParallelPlan(shard=4, expert=4)),
        (4, {"shard": 2, "tensor": 2}, ParallelPlan(shard=2, tensor=2)),
    ],
)
def test_what_is_not_given_shards(processes: int, given: dict[str, int], plan: ParallelPlan) -> None:
    assert planned(processes, given) == plan
    assert plan.processes == processes


@pytest.mark.parametrize(
    ("processes", "given", "says"),
    [
        (4, {"tensor": 3}, "start 3 processes"),
        (4, {"shard": 2}, "start 2 processes"),
        (4, {"expert": 3}, "set expert to 2"),
        (4, {"tensors": 2}, "did you mean 'tensor'"),
        (2, {"pipeline": 2}, "use shard or tensor"),
        (2, {"context": 2}, "use shard or tensor"),
        (2, {"tensor": 0}, "at least 1"),
    ],
)
def test_what_does_not_divide_is_refused_with_what_does(processes: int, given: dict[str, int], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        planned(processes, given)
    assert says in raised.value.fix


@pytest.mark.parametrize(
    ("plan", "model", "rows", "says"),
    [
        (ParallelPlan(tensor=8), DENSE, 8, "set tensor to 4"),
        (ParallelPlan(tensor=4), replace(DENSE, ffn_width=90), 8, "set tensor to 3"),
        (ParallelPlan(shard=2, expert=2), DENSE, 8, "set expert to 1"),
        (ParallelPlan(shard=3, expert=3), MIXTURE, 9, "set expert to 2"),
        (ParallelPlan(shard=3), DENSE, 8, "batch_size such as 9"),
    ],
)
def test_a_model_that_cannot_be_divided_so_is_refused(
    plan: ParallelPlan, model: ModelConfig, rows: int, says: str
) -> None:
    with pytest.raises(UsageError) as raised:
        plan.check(model, rows)
    assert says in raised.value.fix


def test_sizes_are_read() -> None:
    assert read("") == {}
    assert read("tensor=2,expert=4") == {"tensor": 2, "expert": 4}
    with pytest.raises(UsageError, match="says no size"):
        read("tensor")


@pytest.mark.parametrize(
    ("rows", "accumulate", "readers", "pieces"), [(8, 2, 1, 2), (4, 2, 2, 1), (4, 8, 2, 4), (6, 8, 2, 6), (1, 8, 4, 1)]
)
def test_no_piece_is_larger_than_one_process_would_take(rows: int, accumulate: int, readers: int, pieces: int) -> None:
    assert rows_at_once(rows, accumulate, readers) == pieces
