"""Activation checkpointing: a layer forgets what it computed and computes it again when gradients need it.

Of every layer only the input is kept until the backward pass (Chen et al., 2016, "Training deep nets with sublinear
memory cost"), so memory grows with layers x tokens x width alone, and no longer with the attention's odds and the
feed-forwards; it takes one more forward pass. The same kernels compute the same numbers again: on a processor nothing
changes but the memory. Put around layers from outside; the decoder's code does not know about it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch.utils.checkpoint import checkpoint

from ingot.model.decoder import Decoder


def recompute(decoder: Decoder) -> Decoder:
    """Make the layers of a decoder keep their inputs alone, in place; return it."""
    for layer in decoder.layers:
        layer.forward = partial(_again, layer.forward)  # wrapped from outside, which is the point
    return decoder


def _again(forward: Callable[..., Any], *given: Any) -> Any:
    # No layer draws a number, so the generator need not be brought back.
    return checkpoint(forward, *given, use_reentrant=False, preserve_rng_state=False)
