from __future__ import annotations

from dataclasses import replace

import pytest

from ingot.core.errors import UsageError
from ingot.model.config import ModelConfig
from ingot.plan.parallel import ParallelPlan, layers_of, planned, read, rows_at_once, ways

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
        (8, {"pipeline": 2, "context": 2}, ParallelPlan(shard=2, pipeline=2, context=2)),
        (4, {"context": 2, "expert": 4}, ParallelPlan(shard=2, context=2, expert=4)),
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
        (6, {"context": 3, "expert": 4}, "set expert to 3"),
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
        (ParallelPlan(pipeline=3), DENSE, 8, "set pipeline to 2"),
        (ParallelPlan(context=3), DENSE, 8, "set context to 2, or sequence_length to 66"),
    ],
)
def test_a_model_that_cannot_be_divided_so_is_refused(
    plan: ParallelPlan, model: ModelConfig, rows: int, says: str
) -> None:
    with pytest.raises(UsageError) as raised:
        plan.check(model, rows, 64)
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


@pytest.mark.parametrize(("rows", "accumulate", "pieces"), [(16, 1, 8), (4, 1, 4), (32, 16, 16), (12, 1, 12)])
def test_a_pipeline_has_pieces_for_all_its_stages(rows: int, accumulate: int, pieces: int) -> None:
    assert rows_at_once(rows, accumulate, 1, stages=2) == pieces


def test_readers_are_numbered_with_those_that_talk_most_side_by_side() -> None:
    plan = ParallelPlan(data=2, shard=2, context=2, tensor=2, pipeline=2)
    assert [plan.reader(rank) for rank in range(plan.processes)] == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4 + [
        *[0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    ]


def test_every_layer_has_one_stage() -> None:
    for stages, layers in ((1, 5), (2, 5), (3, 7), (4, 4)):
        dealt = [layers_of(stage, stages, layers) for stage in range(stages)]
        assert [layer for run in dealt for layer in run] == list(range(layers))
        assert max(map(len, dealt)) - min(map(len, dealt)) <= 1


def test_ways_to_divide_use_every_device_and_keep_talk_inside_a_machine() -> None:
    found = list(ways(MIXTURE, 16, 8, 32_768))
    assert found[0] == ParallelPlan(data=16)
    assert len(set(found)) == len(found)
    for plan in found:
        assert plan.processes == 16
        assert plan.tensor * plan.context <= 8
        plan.check(MIXTURE, 16, 32_768)
    # Layers in a row are the last resort; there are two of them.
    assert [plan.pipeline for plan in found if plan.pipeline > 1] == [found[-1].pipeline] == [2]


def test_rows_are_cut_only_where_they_are_long_and_layers_only_over_machines() -> None:
    assert {plan.context for plan in ways(DENSE, 8, 8, 2048)} == {1}
    assert {plan.context for plan in ways(DENSE, 8, 8, 16_384)} == {1, 2, 4}
    assert {plan.pipeline for plan in ways(DENSE, 8, 8, 2048)} == {1}


def test_texts_that_are_answered_for_as_a_whole_are_not_cut() -> None:
    plan = ParallelPlan(context=2)
    plan.check(DENSE, 8, 64)
    with pytest.raises(UsageError, match="all tokens of a text"):
        plan.check(DENSE, 8, 64, reads_whole_texts=True)
