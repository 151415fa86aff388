"""How long a build takes besides training: the part of `--time` that training cannot have.

Each stage is a fixed start (a fresh process, imports) plus seconds per megabyte of text. The rates come from a build of
6 MB on a busy 2-core server, rounded up, and divide by the cores a stage can use. They are meant to be a little
pessimistic: a build that ends early pleases, one that ends late does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MEGABYTE = 1_000_000
# Training on more text than this does not make a better vocabulary, so the tokenizer's time stops growing there.
TOKENIZER_SAMPLE_BYTES = 64 * MEGABYTE
HELD_OUT_SAMPLE_BYTES = 400_000


@dataclass(frozen=True)
class StageCost:
    """Seconds to start a stage, and core-seconds per megabyte it handles."""

    start_seconds: float
    core_seconds_per_megabyte: float

    def seconds(self, size_bytes: float, cores: int) -> float:
        """Return the stage's expected seconds."""
        return self.start_seconds + self.core_seconds_per_megabyte * size_bytes / MEGABYTE / max(cores, 1)


READ = StageCost(2.0, 0.5)
CURATE = StageCost(2.0, 0.5)
PROBE = StageCost(18.0, 0.0)
TOKENIZER = StageCost(1.5, 0.6)
TOKENIZE = StageCost(1.5, 0.6)
EVALUATE = StageCost(10.0, 1.0)
SCORING = StageCost(0.0, 40.0)
PACKAGE = StageCost(12.0, 0.0)


def other_seconds(train_bytes: int, held_out_bytes: int, cores: int) -> Mapping[str, float]:
    """Return the expected seconds of every stage of a build except training, by stage."""
    text = train_bytes + held_out_bytes
    scored = min(held_out_bytes, HELD_OUT_SAMPLE_BYTES)
    return {
        "documents": READ.seconds(text, cores),
        "dataset": CURATE.seconds(text, cores),
        "probe": PROBE.seconds(0, cores),
        "tokenizer": TOKENIZER.seconds(min(train_bytes, TOKENIZER_SAMPLE_BYTES), cores),
        "shards": TOKENIZE.seconds(text, cores),
        "report": EVALUATE.seconds(min(train_bytes, TOKENIZER_SAMPLE_BYTES), cores) + SCORING.seconds(scored, cores),
        "model": PACKAGE.seconds(0, cores),
    }
