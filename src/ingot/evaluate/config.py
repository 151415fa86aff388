"""What an evaluation may spend, and what it asks. Free of torch, so that a recipe can name it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ingot.core.errors import UsageError


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


@dataclass(frozen=True)
class TaskConfig:
    """Which task is made of the rows, with which options of its plug-in, and what becomes of rows that are no items.

    Before each item stand `shots` solved ones from the source `examples`. `limit` takes so many items, those with the
    smallest hashes, which is as good as by lot; 0 takes all. By n-grams of `ngram_words` words items are known again in
    what a model was trained on; where most are too short for one, 8 are taken, as GPT-3's authors did. What is answered
    in words is put to a chat model as text to continue or as a turn of a conversation: `framing`.
    """

    task: str
    options: Mapping[str, Any] = field(default_factory=dict)
    shots: int = 0
    limit: int = 0
    bad_rows: Literal["refuse", "skip"] = "refuse"
    ngram_words: int = 13
    framing: Literal["by task", "text", "chat"] = "by task"


@dataclass(frozen=True)
class AskConfig:
    """How a model is asked: the engine that writes answers, resamples of an interval, and the windows of long texts."""

    engine: str = "torch"
    resamples: int = 2000
    stride_share: float = 0.5
    seed: int = 0


@dataclass(frozen=True)
class FindConfig:
    """How an index is asked: how many documents are looked at, and how many passages a reader puts in order again."""

    depth: int = 10
    reranked: int = 20
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise UsageError where no document would be looked at."""
        if self.depth < 1:
            raise UsageError(f"depth is {self.depth}", where="retrieval", fix="look at 1 document or more; 10 is usual")


@dataclass(frozen=True)
class CompareConfig:
    """Resamples of the intervals, and from which probability on a difference counts as chance."""

    resamples: int = 10_000
    level: float = 0.05
    seed: int = 0


@dataclass(frozen=True)
class PreferringConfig:
    """Resamples of the interval of a mean, and the seed they are drawn with."""

    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class AuditConfig:
    """How much an audit of what a model learned by heart looks at; more takes longer and says it more surely.

    `controls` are canaries that were never put into the text: by them a canary is known (one control in `alarm_level`
    ranks as high by chance). `passages` of training text, and as many of held-out text, are cut into `passage_tokens`
    that are shown and as many that the model must say. It writes `samples` texts of `sample_tokens`, in which personal
    data is looked for. With fewer than `least_single` canaries that stand in the text once there is no verdict.
    """

    controls: int = 1000
    alarm_level: float = 0.01
    passages: int = 200
    passage_tokens: int = 50
    samples: int = 200
    sample_tokens: int = 64
    top_k: int = 40
    least_single: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise UsageError for numbers with which nothing could be said."""
        least = {
            "controls": 100,
            "passages": 1,
            "passage_tokens": 1,
            "samples": 1,
            "sample_tokens": 1,
            "least_single": 1,
        }
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                what = f"{name} is {getattr(self, name)}"
                raise UsageError(what, where="audit", fix=f"give {name} of at least {smallest}")
        if not 0 < self.alarm_level <= 0.05:
            what = f"alarm_level is {self.alarm_level}"
            raise UsageError(what, where="audit", fix="give a share above 0 and up to 0.05; 0.01 is usual")
