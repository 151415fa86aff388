"""A small vocabulary for tests that frame conversations."""

from __future__ import annotations

from functools import cache

from ingot.tokenizer.codec import Codec
from ingot.tokenizer.train import learn


@cache
def small_codec() -> Codec:
    """Return a codec of 384 tokens, learned from one sentence; the same one for a whole session."""
    return Codec(learn(["Who is it? It is me, the assistant of the user. " * 30], 384))
