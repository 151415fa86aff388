"""The forward pass of a decoder that has some of the layers, or reads some of the tokens.

It computes what `Decoder.forward` computes, and is put in its place from outside. What is read or handed on between
processes in a row is the stream, and beside it, where routers ask something of the loss, the sum of what they asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from ingot.core.errors import UsageError
from ingot.model.decoder import Decoder
from ingot.model.moe import router_loss
from ingot.train.objective import Loss, Objective, TensorBatch
from ingot.train.parallel.context import Context

Read = Callable[[Tensor, Tensor | None], Tensor]


def asks_of_loss(decoder: Decoder) -> bool:
    """Say whether the routers of a model add to its loss."""
    config = decoder.config
    return config.experts > 0 and (config.balance == "loss" or config.router_z_loss > 0)


class Passing:
    """The pass of a decoder, put in place of its own.

    On a stage `loads` has how many tokens each expert here read, for each pass since it was cleared.
    """

    def __init__(self, decoder: Decoder, context: Context, is_first: bool = True, is_last: bool = True) -> None:
        self._context, self._is_first, self._is_last = context, is_first, is_last
        self._hands_on_loss = asks_of_loss(decoder) and not (is_first and is_last)
        self.loads: list[Tensor] = []

        def forward(x: Tensor, *others: Any, segments_BT: Tensor | None = None) -> Any:
            return self._pass(decoder, x, others, segments_BT)

        decoder.forward = forward  # type: ignore[method-assign, assignment]  # from outside, which is the point

    def _pass(self, decoder: Decoder, x: Tensor, others: tuple[Any, ...], segments_BT: Tensor | None) -> Any:
        if self._is_first and self._is_last:  # called as the decoder is
            hidden_BtD, _ = self._layers(decoder, x, others[0] if others else segments_BT, x.size(1))
            return hidden_BtD
        assert segments_BT is not None, "a stage is told whose each token is"
        x_BtD, own = self._layers(decoder, x, segments_BT, segments_BT.size(1))
        if not self._hands_on_loss:
            return x_BtD
        so_far = x_BtD.new_zeros(1, dtype=torch.float32) if self._is_first else others[0]
        return x_BtD, so_far + own

    def _layers(
        self, decoder: Decoder, x: Tensor, segments_BT: Tensor | None, tokens: int
    ) -> tuple[Tensor, Tensor | float]:
        context, config = self._context, decoder.config
        x_BtD = decoder.embed_tokens(context.own(x)).to(decoder.dtype) if self._is_first else x
        numbered: list[tuple[int, Any]] = [(layer.self_attn.layer, layer) for layer in cast("Any", decoder.layers)]
        rotation = context.rotation(config, tokens, x_BtD.device)
        masks = {
            window: context.mask(tokens, segments_BT, x_BtD, window)
            for window in {config.window_of(number) for number, _ in numbered}
        }
        # Not a cache, but asked what a cache is asked; whole rows need nobody to ask.
        keys = cast("Any", context) if context.parts > 1 else None
        routings = []
        for number, layer in numbered:
            x_BtD, routing = layer(x_BtD, rotation, masks[config.window_of(number)], keys)
            routings.append(routing)
        decoder.routing = tuple(routing for routing in routings if routing is not None)
        if decoder.routing and not (self._is_first and self._is_last):
            self.loads.append(decoder.expert_load())
        x_BtD = decoder.norm(x_BtD) if self._is_last else x_BtD
        return x_BtD, router_loss(decoder.routing, config)


def learn_in_row(decoder: Decoder, objective: Objective, batch: TensorBatch, context: Context) -> Loss:
    """Add the gradients of a batch of whole rows, of which a part is read here; return the loss of that part."""
    loss = learn_from(decoder, objective, context.asked_here(batch), context, decoder)
    loss.total.backward()  # type: ignore[no-untyped-call]  # torch publishes it without types
    return Loss(loss.total.detach(), loss.count, loss.metrics)


def learn_from(
    decoder: Decoder,
    objective: Objective,
    batch: TensorBatch,
    context: Context,
    read: Read,
    router_loss: Tensor | None = None,
) -> Loss:
    """Ask an objective, which knows whole rows and whole decoders, for the loss of what `read` returns.

    Raises UsageError when it needs hidden states that another process has.
    """
    seen = _Seen(decoder, context, read, router_loss)
    loss = objective(cast("Decoder", seen), batch)
    if context.parts > 1 and math.isnan(loss.total.detach().item()) and seen.is_sound:
        raise UsageError(
            "this objective needs all tokens of a row in one process",
            where="--parallel, context",
            why="it looks at the model's answer to tokens that another process reads",
            fix="set context to 1, or train with the objective next_token or supervised",
        )
    return loss


class _Seen:
    """What an objective sees of a divided decoder."""

    def __init__(self, decoder: Decoder, context: Context, read: Read, router_loss: Tensor | None) -> None:
        self._decoder, self._context, self._read, self._router_loss = decoder, context, read, router_loss
        self._hidden: list[Tensor] = []

    def __call__(self, tokens_BT: Tensor, segments_BT: Tensor | None = None) -> Tensor:
        self._hidden.append(self._read(tokens_BT, segments_BT))
        return self._context.in_row(self._hidden[-1])

    def router_loss(self) -> Tensor | float:
        return self._decoder.router_loss() if self._router_loss is None else self._router_loss.squeeze(0)

    @property
    def is_sound(self) -> bool:
        """Say whether all hidden states that were read here are numbers."""
        return all(bool(hidden.isfinite().all()) for hidden in self._hidden)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)
