"""How well a model answers conversations that were kept aside, while it trains: a hook, called by its run reference.

Counted is what the assistant says, as in the loss it learns from: the mean surprise in nats, and how often the most
probable token is the one that was said. Each conversation is read up to one context, a fixed slice of them each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from ingot.data.shards import Shards
from ingot.evaluate.bits import ROWS_AT_ONCE
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.decoder import Decoder
from ingot.tokenizer.chat import trained_mask
from ingot.tokenizer.codec import Codec

SLICE_TOKENS = 16_384


def answering(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    """Return `valid_loss` and `valid_accuracy` on the held-out conversations; nothing when there are none."""
    codec = Codec.load(inputs["tokenizer"].path)
    surprise, right, count = 0.0, 0, 0
    for ids in _conversations(Shards.open(inputs["shards"].path, "held_out"), decoder.config.context):
        some_surprise, some_right, some = _of_one(decoder, ids, codec)
        surprise, right, count = surprise + some_surprise, right + some_right, count + some
    return {"valid_loss": surprise / count, "valid_accuracy": right / count} if count else {}


def _conversations(shards: Shards, longest: int) -> Iterator[Sequence[int]]:
    left = SLICE_TOKENS
    for ids in shards.in_documents():
        if left <= 0:
            return
        left -= min(len(ids), longest + 1)
        yield ids[: longest + 1].tolist()


def _of_one(decoder: Decoder, ids: Sequence[int], codec: Codec) -> tuple[float, int, int]:
    """Return the summed surprise, the tokens that were most probable, and how many the assistant says."""
    is_said = torch.from_numpy(trained_mask(np.array(ids, dtype=np.int64), codec)[1:])
    if not is_said.any():
        return 0.0, 0, 0
    tokens_T = torch.tensor(ids, device=decoder.embed_tokens.weight.device)
    is_said = is_said.to(tokens_T.device)
    hidden_ND, targets_N = decoder(tokens_T[None, :-1])[0][is_said], tokens_T[1:][is_said]
    surprise, right = 0.0, 0
    parts = zip(torch.split(hidden_ND, ROWS_AT_ONCE), torch.split(targets_N, ROWS_AT_ONCE), strict=True)
    for h_ND, t_N in parts:
        logits_NV = decoder.logits(h_ND).float()
        surprise += float(F.cross_entropy(logits_NV, t_N, reduction="sum"))
        right += int((logits_NV.argmax(dim=1) == t_N).sum())
    return surprise, right, len(targets_N)
