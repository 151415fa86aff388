"""What an evaluation may spend. Free of torch, so that a recipe can name it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EvaluateConfig:
    """Limits that keep an evaluation short, each stated in the report.

    `held_out_bytes` is how much held-out text is scored, by the model and by every baseline alike; `dictionary_bytes`
    how much training text zstd gets as its dictionary; `ngram_bytes` how much of it the n-gram model counts. The
    model's window moves on by `stride_share` of the context: every token is scored with the rest of it as its past.
    """

    held_out_bytes: int = 400_000
    stride_share: float = 0.5
    dictionary_bytes: int = 64_000_000
    ngram_bytes: int = 24_000_000
    ngram_order: int = 6
    resamples: int = 2000
    samples: int = 3
    sample_tokens: int = 120
    prompt_bytes: int = 160
    temperature: float = 0.8
    top_p: float = 0.95
    seed: int = 0
