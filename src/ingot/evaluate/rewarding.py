"""How often a reward model gives the better of two answers the higher number, on pairs kept aside: a hook.

The pairs are those of preference shards (data/preferences), a fixed slice of them each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np
import torch

from ingot.evaluate.preferring import SLICE_PAIRS, Ids, pairs_of
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.model.decoder import Decoder
from ingot.model.heads import class_logits, documents_in
from ingot.tokenizer.codec import Codec


def rewarding(decoder: Decoder, step: int, inputs: Mapping[str, Artifact], context: StepContext) -> dict[str, float]:
    """Return `reward_accuracy` and the mean `reward_difference` on some held-out pairs; nothing without any."""
    codec = Codec.load(inputs["tokenizer"].path)
    pairs = list(islice(pairs_of(inputs["shards"].path, codec), SLICE_PAIRS))
    if not pairs:
        return {}
    found = [_number(decoder, pair.chosen, codec) - _number(decoder, pair.rejected, codec) for pair in pairs]
    return {"reward_accuracy": float(np.mean([each > 0 for each in found])), "reward_difference": float(np.mean(found))}


def _number(decoder: Decoder, ids: Ids, codec: Codec) -> float:
    tokens_BT = torch.from_numpy(ids).to(decoder.embed_tokens.weight.device)[None]
    documents = documents_in(tokens_BT, torch.zeros_like(tokens_BT), codec.eos)
    return float(class_logits(decoder, decoder(tokens_BT), documents))
