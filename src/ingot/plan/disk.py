"""How much disk a build needs, known before it starts.

Text is stored a handful of times on its way (read, kept, tokenised), compressed as Parquet; a checkpoint holds the
weights and the optimiser's moments, and two are kept while the next is written. The estimate leans to the large side:
a build refused early costs a second, one that fills the disk costs the build.
"""

from __future__ import annotations

# documents + train/held-out/dropped Parquet at a ratio of about one half, and a scratch copy while writing.
STORED_PER_TEXT_BYTE = 2.5
SHARD_BYTES_PER_TEXT_BYTE = 1.3
CHECKPOINTS_KEPT = 3
CHECKPOINT_BYTES_PER_PARAMETER = 12
# The finished checkpoint and the packaged model (fp32 safetensors each), and the f16 GGUF.
FINISHED_BYTES_PER_PARAMETER = 4 + 4 + 2
FIXED_BYTES = 20_000_000


def build_bytes(source_bytes: int, parameters: int) -> int:
    """Return the disk a build needs from the size of its source files and of its model."""
    text = source_bytes * (STORED_PER_TEXT_BYTE + SHARD_BYTES_PER_TEXT_BYTE)
    checkpoints = CHECKPOINTS_KEPT * CHECKPOINT_BYTES_PER_PARAMETER
    return int(text + parameters * (checkpoints + FINISHED_BYTES_PER_PARAMETER) + FIXED_BYTES)
