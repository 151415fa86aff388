"""One pass over beginnings and all that could follow each: the beginning is read once, every branch sees it alone.

A row is a prompt and, behind it, its branches one after another. A token sees the prompt, and of the rest only its own
branch; its position counts as if the branch stood right behind the prompt. So four answers to a question of a hundred
tokens cost little more than one, and nothing is kept and copied in between. What several rows begin with is read once
for all of them, into a cache.

Shapes: B rows, T tokens of the longest row, S tokens before all rows, P keys, D width, H head width.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ingot.model.attention import BLOCK, Block, BlockMask
from ingot.model.cache import Cache
from ingot.model.decoder import Decoder
from ingot.model.rope import Rotation

FILL = -1


class _Placed(Rotation):
    """Rotation by positions that are given, [B, T]."""

    def __init__(self, decoder: Decoder, positions_BT: Tensor) -> None:
        super().__init__(decoder.config, 0, int(positions_BT.max()) + 1, positions_BT.device)
        self.cosine, self.sine = self.cosine[positions_BT], self.sine[positions_BT]


def hidden_states(decoder: Decoder, tokens_BT: Tensor, branch_BT: Tensor, cache: Cache | None = None) -> Tensor:
    """Return hidden states [B, T, D].

    `branch_BT` is 0 for tokens of the prompt, 1, 2, ... for those of branches, and FILL for what fills a row; branches
    stand in order behind the prompt. With a cache, all rows follow the tokens it has read; models with a window of
    attention take none.
    """
    start = 0 if cache is None else cache.length
    windows = {decoder.config.window_of(layer) for layer in range(decoder.config.layers)}
    assert start == 0 or windows == {None}, "a window would have to count tokens of the cache"
    positions_BT = _positions(branch_BT)
    x_BTD = decoder.embed_tokens(tokens_BT).to(decoder.dtype)
    rotation = _Placed(decoder, positions_BT + start)
    masks = {window: _mask(branch_BT, positions_BT, start, x_BTD, window) for window in windows}
    for number, layer in enumerate(decoder.layers):
        x_BTD, _ = layer(x_BTD, rotation, masks[decoder.config.window_of(number)], cache)
    if cache is not None:
        cache.advance(tokens_BT.size(1))
    hidden_BTD: Tensor = decoder.norm(x_BTD)
    return hidden_BTD


def _positions(branch_BT: Tensor) -> Tensor:
    """Return where each token stands when its branch follows the prompt."""
    place_T = torch.arange(branch_BT.size(1), device=branch_BT.device)
    begins_BT = torch.ones_like(branch_BT, dtype=torch.bool)
    begins_BT[:, 1:] = branch_BT[:, 1:] != branch_BT[:, :-1]
    first_BT = torch.where(begins_BT, place_T, 0).cummax(dim=1).values
    prompt_B1 = (branch_BT == 0).sum(dim=1, keepdim=True)
    return torch.where(branch_BT == 0, place_T, prompt_B1 + place_T - first_BT)


def _mask(branch_BT: Tensor, positions_BT: Tensor, start: int, like: Tensor, window: int | None) -> BlockMask:
    tokens = branch_BT.size(1)
    # Up to here all rows hold prompt: what is open is the same for all, and small.
    alike = int((branch_BT == 0).sum(dim=1).min()) if window is None else 0
    blocks = []
    for first in range(0, tokens, BLOCK):
        last = min(first + BLOCK, tokens)
        keys = slice(first if last <= alike else 0, last)
        place_T = torch.arange(tokens, device=branch_BT.device)
        is_open = (place_T[keys] <= place_T[first:last, None])[None]
        if last > alike:
            keys_B1P, queries_BT1 = branch_BT[:, None, keys], branch_BT[:, first:last, None]
            is_open = is_open & ((keys_B1P == 0) | (keys_B1P == queries_BT1))
            if window is not None:
                is_open = is_open & (positions_BT[:, first:last, None] - positions_BT[:, None, keys] < window)
        bias = torch.zeros(is_open.shape, dtype=like.dtype, device=like.device).masked_fill_(~is_open, float("-inf"))
        blocks.append(Block(first, last, 0, start + last, bias))
    return BlockMask(tuple(blocks), None)
