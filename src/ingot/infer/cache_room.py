"""How many tokens the keys and values of all answers together may hold, so that the memory there is suffices.

An eighth of it is enough for the answers of most models at their full length. It leaves room for the weights, for what
computing a prompt needs and for another version that is opened beside this one. A server admits requests by this number
(`EngineStats.cache_tokens_total`); what does not fit waits.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingot.core.hardware import memory_bytes

_SHARE = 8
_CONTEXTS_HELD = 16  # answers of full length, where an eighth of the memory suffices


def cache_room(model_folder: Path, context: int, number_bytes: int = 4) -> int:
    """Return the tokens that the cache of a model has room for, of all answers: one whole context at least.

    `number_bytes` is what the engine takes for a number of the cache.
    """
    sizes = json.loads((model_folder / "config.json").read_text(encoding="utf-8"))
    heads = int(sizes["num_attention_heads"])
    width = int(sizes.get("head_dim") or sizes["hidden_size"] // heads)
    numbers = 2 * int(sizes["num_hidden_layers"]) * int(sizes.get("num_key_value_heads") or heads) * width
    fitting = memory_bytes() // _SHARE // (numbers * number_bytes)
    return max(context, min(_CONTEXTS_HELD * context, fitting))
