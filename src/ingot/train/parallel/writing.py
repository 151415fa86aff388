"""A divided model written as a model folder: one weight after another comes to the first rank, and none stays.

It holds one file's worth of weights and one weight more, however large the model is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from ingot.model.convert import MAX_FILE_BYTES, SpecialTokens, write
from ingot.model.decoder import Decoder
from ingot.train.parallel.placement import Placement

_BIAS = ".balance_bias"


def write_in_turn(
    placement: Placement,
    decoder: Decoder,
    folder: Path,
    special: SpecialTokens,
    change: Callable[[Tensor], Tensor] = lambda weight: weight,
    max_file_bytes: int = MAX_FILE_BYTES,
) -> None:
    """Write a folder transformers opens, with each weight as `change` returns it; all ranks must call.

    Raises UsageError for what no published layout can say.
    """
    # Biases are asked for before all else, to see whether there are any.
    first = placement.whole_weights(decoder, lambda name: name.endswith(_BIAS))
    then = placement.whole_weights(decoder, lambda name: not name.endswith(_BIAS))
    if placement.ranks.rank:
        for weights in (first, then):
            for _ in weights:
                pass
        return
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        like = Decoder(decoder.config, decoder.dtype).state_dict()
    read = _InTurn(dict(first), then, change)
    write(decoder.config, like, read, folder, special, max_file_bytes)


class _InTurn:
    """Reads weights that come in their order; the last one can be read again."""

    def __init__(
        self, known: dict[str, Tensor], coming: Iterator[tuple[str, Tensor]], change: Callable[[Tensor], Tensor]
    ) -> None:
        self._known, self._coming, self._change = known, coming, change
        self._last = ("", torch.empty(0))

    def __call__(self, name: str) -> Tensor:
        if name in self._known:
            return self._known[name]
        if name != self._last[0]:
            self._last = ("", torch.empty(0))  # given up before the next one comes
            came, weight = next(self._coming)
            assert came == name, f"{name} was to come, {came} came"
            self._last = (name, self._change(weight))
        return self._last[1]
