"""How much memory training needs at its peak, in bytes.

Weights are kept in 32 bits beside their gradient and the optimiser's moments, and a 16-bit copy is made where it is
used (notation and the activation count per layer after Korthikanti et al. 2022, for a gated feed-forward). The logits
never exist whole: the loss is computed a few hundred rows at a time.
"""

from __future__ import annotations

from ingot.model.config import ModelConfig

# Weight, gradient and two moments in fp32, a bf16 copy: an upper bound, as Muon keeps one moment only.
BYTES_PER_PARAMETER = 4 + 4 + 8 + 2
LOSS_ROWS = 512
# Python, torch and their threads before any weight exists.
RUNTIME_BYTES = 700_000_000
_BYTES_PER_ACTIVATION = 2


def training_bytes(model: ModelConfig, batch_size: int, sequence_length: int) -> int:
    """Return the peak memory of training this model on one machine without sharding."""
    tokens = batch_size * sequence_length
    # Kept for the backward pass per token and layer: both norms' inputs and outputs in fp32 and bf16, queries, keys,
    # values, the attention's result, and the gated feed-forward's four intermediate rows.
    heads = (2 * model.heads + 2 * model.kv_heads) * model.head_width
    per_layer = (8 * model.width + 3 * heads + 4 * model.ffn_width) * _BYTES_PER_ACTIVATION
    scores = batch_size * model.heads * sequence_length * sequence_length * 4
    loss = LOSS_ROWS * model.vocabulary * (4 + 4 + 2) + model.vocabulary * model.width * 4
    return RUNTIME_BYTES + model.parameters * BYTES_PER_PARAMETER + tokens * model.layers * per_layer + scores + loss
