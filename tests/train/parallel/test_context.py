"""Rows cut along their tokens: what each part computes is what it is in the whole."""

from __future__ import annotations

import pytest
import torch

from ingot.core.errors import UsageError
from ingot.data.stream import IGNORED
from ingot.model.attention import attend, block_mask
from ingot.model.config import ModelConfig
from ingot.model.decoder import Decoder
from ingot.model.rope import Rotation
from ingot.train.objective import Loss, TensorBatch
from ingot.train.objectives import next_token
from ingot.train.parallel.context import Context
from ingot.train.parallel.passing import learn_from

TOKENS, PARTS = 48, 3
SEGMENTS = torch.tensor([[0] * 5 + [1] * 30 + [2] * 13, [0] * 48]).int()
MODEL = ModelConfig(64, width=32, layers=1, heads=4, kv_heads=2, head_width=8, ffn_width=64, context=TOKENS)


@pytest.mark.parametrize("window", [None, 1, 7, 500])
@pytest.mark.parametrize("segments", [None, SEGMENTS], ids=["one document", "documents"])
def test_queries_of_a_part_gather_what_they_gather_in_the_whole(
    segments: torch.Tensor | None, window: int | None
) -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 4, TOKENS, 8), torch.randn(2, 2, TOKENS, 8), torch.randn(2, 2, TOKENS, 8)
    whole = attend(q, k, v, block_mask(TOKENS, TOKENS, segments, q, window))
    for index in range(PARTS):
        part = Context(index, PARTS)
        found = attend(part.own(q, 2), k, v, part.mask(TOKENS, segments, q, window))
        torch.testing.assert_close(found, part.own(whole, 2))


def test_all_parts_together_are_the_row_and_meet_equally_many_keys() -> None:
    parts = [Context(index, PARTS) for index in range(PARTS)]
    places = [[place for run in part.runs(TOKENS) for place in run] for part in parts]
    assert sorted(place for own in places for place in own) == list(range(TOKENS))
    assert len({sum(place + 1 for place in own) for own in places}) == 1


def test_positions_are_those_in_the_row() -> None:
    part, x = Context(1, PARTS), torch.randn(2, TOKENS, 4, 8)
    whole = Rotation(MODEL, 0, TOKENS, x.device)(x)
    assert torch.equal(part.rotation(MODEL, TOKENS, x.device)(part.own(x)), part.own(whole))


def test_a_part_asks_only_for_its_own_targets() -> None:
    batch, own = _batch(), torch.zeros(TOKENS, dtype=torch.bool)
    part = Context(1, PARTS)
    own[part.own(torch.arange(TOKENS), 0)] = True
    asked = part.asked_here(batch)
    assert torch.equal(asked.targets_BT[:, own], batch.targets_BT[:, own])
    assert bool((asked.targets_BT[:, ~own] == IGNORED).all())
    assert asked.tokens_BT is batch.tokens_BT


def test_an_objective_sees_whole_rows_and_answers_for_a_part() -> None:
    decoder, part, batch = Decoder(MODEL), Context(2, PARTS), _batch()
    with torch.no_grad():
        hidden = part.own(decoder(batch.tokens_BT, batch.segments_BT))
        loss = learn_from(decoder, _next_token, part.asked_here(batch), part, lambda *_: hidden)
        expected = next_token.loss(decoder, part.asked_here(batch), next_token.Config())
    assert loss.count == 2 * TOKENS // PARTS
    torch.testing.assert_close(loss.total, expected.total)


def test_an_objective_that_needs_the_others_tokens_is_refused_in_words() -> None:
    decoder, part, batch = Decoder(MODEL), Context(0, PARTS), _batch()

    def pooled(decoder: Decoder, batch: TensorBatch, /) -> Loss:
        return Loss(decoder(batch.tokens_BT, batch.segments_BT).mean(), 1)

    asked, hidden = part.asked_here(batch), torch.zeros(2, TOKENS // PARTS, MODEL.width)
    with pytest.raises(UsageError, match="all tokens of a row in one process") as raised:
        learn_from(decoder, pooled, asked, part, lambda *_: hidden)
    assert "set context to 1" in raised.value.fix


def _next_token(decoder: Decoder, batch: TensorBatch, /) -> Loss:
    return next_token.loss(decoder, batch, next_token.Config())


def _batch() -> TensorBatch:
    tokens = torch.randint(MODEL.vocabulary, (2, TOKENS), generator=torch.Generator().manual_seed(1))
    return TensorBatch(tokens, tokens.roll(-1, 1), SEGMENTS)
