"""Rows cut along their tokens: each process reads a part of every row, and meets the keys of all of it.

Queries stay where they are; every layer gathers the keys and values of the whole row, and on the way back sums their
gradients where they came from (Grattafiori et al., 2024, "The Llama 3 herd of models", section 3.3.2). Keys are few
beside queries, so that is little to send, and packed documents and windows need nothing special: a query is masked by
where it stands in the row. A row of N parts is cut into 2N pieces, and process i reads piece i from the front and piece
i from the back, so that all meet equally many keys.

The decoder's code knows nothing of it. Attention asks a cache for the keys before the new ones, and here the cache is
the other processes.

Shapes: B rows, T tokens of a row, t = T / N of them here, D width, K key heads, H head width; P keys a block meets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ingot.data.stream import IGNORED
from ingot.model.attention import BLOCK, Block, BlockMask, block_mask
from ingot.model.config import ModelConfig
from ingot.model.rope import Rotation
from ingot.train.objective import TensorBatch


@dataclass(frozen=True)
class Context:
    """Part `index` of `parts` of every row; `group` has the others. One part is the whole row."""

    index: int = 0
    parts: int = 1
    group: Any = None

    def runs(self, tokens: int) -> list[range]:
        """Return which places of a row are read here."""
        if self.parts == 1:
            return [range(tokens)]
        piece = tokens // (2 * self.parts)
        front, back = self.index * piece, (2 * self.parts - 1 - self.index) * piece
        return [range(front, front + piece), range(back, back + piece)]

    def own(self, x: Tensor, dim: int = 1) -> Tensor:
        """Return what belongs to the places read here of something that has all places along a dimension."""
        if self.parts == 1:
            return x
        return torch.cat([x.narrow(dim, run.start, len(run)) for run in self.runs(x.size(dim))], dim)

    def rotation(self, config: ModelConfig, tokens: int, device: torch.device) -> Rotation:
        """Return the rotary positions of the places read here, of a row of `tokens`."""
        rotation = Rotation(config, 0, tokens, device)
        rotation.cosine, rotation.sine = self.own(rotation.cosine, 0), self.own(rotation.sine, 0)
        return rotation

    def mask(self, tokens: int, segments_BT: Tensor | None, like: Tensor, window: int | None) -> BlockMask:
        """Return which keys of the whole row each query here may meet."""
        if self.parts == 1:
            return block_mask(tokens, tokens, segments_BT, like, window)
        window = None if window is None or window >= tokens else window
        blocks: list[Block] = []
        # An accelerator takes a whole piece at a time: its kernel splits it better.
        size = BLOCK if like.device.type == "cpu" else tokens
        for run in self.runs(tokens):
            for begin in range(run.start, run.stop, size):
                first = blocks[-1].last if blocks else 0
                blocks.append(_block(first, range(begin, min(begin + size, run.stop)), segments_BT, like, window))
        return BlockMask(tuple(blocks), None)

    def extend(self, layer: int, k_BKtH: Tensor, v_BKtH: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keys and values of whole rows. Named as in `model.cache.Cache`, which it stands in for."""
        both: Tensor = _OfAll.apply(torch.stack((k_BKtH, v_BKtH)), self)  # type: ignore[no-untyped-call]  # published so
        k_BKTH, v_BKTH = both.unbind(0)
        return k_BKTH, v_BKTH

    def asked_here(self, batch: TensorBatch) -> TensorBatch:
        """Return the batch with the targets alone of the places read here; an objective sees whole rows all the same.

        What a target is may depend on all of its row, such as who speaks in a conversation.
        """
        if self.parts == 1:
            return batch
        targets_BT = torch.full_like(batch.targets_BT, IGNORED)
        for run in self.runs(targets_BT.size(1)):
            targets_BT[:, run.start : run.stop] = batch.targets_BT[:, run.start : run.stop]
        return TensorBatch(batch.tokens_BT, targets_BT, batch.segments_BT)

    def in_row(self, hidden_BtD: Tensor) -> Tensor:
        """Return hidden states as of whole rows: at places that are read elsewhere they are no numbers.

        Whoever asks for these has a loss that is no number, instead of one that is wrong.
        """
        if self.parts == 1:
            return hidden_BtD
        rows, here, width = hidden_BtD.shape
        elsewhere = hidden_BtD.new_full((rows, here * self.parts, width), float("nan"))
        parts, end = [], 0
        for run, part in zip(self.runs(here * self.parts), hidden_BtD.chunk(2, dim=1), strict=True):
            parts += [elsewhere[:, end : run.start], part]
            end = run.stop
        return torch.cat([*parts, elsewhere[:, end:]], dim=1)


def _block(first: int, places: range, segments_BT: Tensor | None, like: Tensor, window: int | None) -> Block:
    """Return the mask of queries at some places of a row, which are the `first` and following here."""
    start = 0 if window is None else max(0, places.start - window + 1)
    if segments_BT is not None and like.device.type == "cpu":  # an accelerator would have to be waited for
        # Documents lie one behind another: nothing before the first token of the oldest one here can be met.
        is_same = segments_BT == segments_BT[:, places.start : places.start + 1]
        start = max(start, int(is_same.int().argmax(dim=1).min()))
    queries_t = torch.arange(places.start, places.stop, device=like.device)[:, None]
    # Neither a document nor a window closes keys before the first query: only what follows each query is closed.
    is_only_causal = segments_BT is None and window is None
    keys_P = torch.arange(places.start if is_only_causal else start, places.stop, device=like.device)
    is_open = keys_P <= queries_t
    if window is not None:
        is_open = is_open & (keys_P > queries_t - window)
    is_open = is_open[None]
    if segments_BT is not None:
        queries_Bt1 = segments_BT[:, places.start : places.stop, None]
        is_open = is_open & (queries_Bt1 == segments_BT[:, None, start : places.stop])
    bias = torch.zeros(is_open.shape, dtype=like.dtype, device=like.device).masked_fill_(~is_open, float("-inf"))
    return Block(first, first + len(places), start, places.stop, bias)


class _OfAll(torch.autograd.Function):
    """Parts of rows become rows, along the last dimension but one; gradients are summed where the parts came from."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, context: Context) -> Tensor:
        ctx.context = context
        parts = [torch.empty_like(part, memory_format=torch.contiguous_format) for _ in range(context.parts)]
        dist.all_gather(parts, part.contiguous(), group=context.group)
        pieces = [piece for each in parts for piece in each.chunk(2, dim=-2)]
        # Each told its piece from the front and its piece from the back.
        return torch.cat([*pieces[0::2], *reversed(pieces[1::2])], dim=-2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        context: Context = ctx.context
        # In float32: each process adds to every key, and a sum in bf16 would lose the small ones.
        pieces = gradients[0].float().chunk(2 * context.parts, dim=-2)
        pairs = zip(pieces[: context.parts], reversed(pieces[context.parts :]), strict=True)
        sent = torch.stack([torch.cat(pair, dim=-2) for pair in pairs])
        summed = torch.empty_like(sent[0])
        dist.reduce_scatter_single(summed, sent.flatten(0, 1), group=context.group)
        return summed.to(gradients[0].dtype), None
