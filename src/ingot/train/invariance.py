"""Whether a model thinks the same of a text read alone and read together with others.

Policy gradients compare what the model thinks while it answers with what it thinks while it learns, and those passes
have different shapes. Kernels may sum in another order for another shape; that is noise of a known size. More than that
is a mistake in a kernel or a mask, and it teaches the model something else than was meant, in silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ingot.model.decoder import Decoder
from ingot.model.fusing import fused
from ingot.train.answering import Answered, in_rows, read_again

# Nats, at one token. In bf16 a logit of 20 is rounded to the nearest eighth.
TOLERANCES = {torch.float32: 1e-3, torch.bfloat16: 0.5}
TEXTS = 8


@torch.no_grad()
def furthest(decoder: Decoder, texts: Sequence[Answered], pad: int) -> float:
    """Return by how many nats a token's log-probability differs at most, 1 x 8 texts from 8 x 1."""
    device = decoder.head_weight.device
    with fused(False):
        together = read_again(decoder, in_rows(texts, pad, device))
        alone = torch.cat([read_again(decoder, in_rows([text], pad, device)) for text in texts])
    return float((together - alone).abs().max())


def doubts(decoder: Decoder, texts: Sequence[Answered], pad: int) -> list[str]:
    """Read the first texts together and one by one; return what there is to say when they differ too much."""
    gap, tolerance = furthest(decoder, texts[:TEXTS], pad), TOLERANCES[decoder.dtype]
    if gap <= tolerance:
        return []
    return [
        f"the log-probability of a token differs by {gap:.2g} nats when texts are read together and one by one "
        f"({tolerance:g} is usual in {decoder.dtype}): what is learned may not be what was rewarded. "
        "Train in fp32, or on another machine, and compare"
    ]
