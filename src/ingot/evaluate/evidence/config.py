"""Settings of the steps that gather evidence: literals only, free of torch, so that a recipe can name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingot.core.errors import UsageError

BadRows = Literal["refuse", "skip"]


@dataclass(frozen=True)
class GatherConfig:
    """The columns of rows with questions; each row becomes a document, and rows of one `group` stay on one side.

    `label` is the column with what kind of question it is, which an answer should show. Without a name for `group` or
    `label` there is none.
    """

    question: str = "question"
    answer: str = "answer"
    group: str = ""
    label: str = ""
    bad_rows: BadRows = "refuse"


@dataclass(frozen=True)
class MixConfig:
    """The share of one's own text in the mix, by bytes."""

    own_share: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.own_share < 1:
            raise UsageError(
                f"a share of {self.own_share} is no mix", where="own_share", fix="choose a share such as 0.2"
            )


@dataclass(frozen=True)
class ChooseConfig:
    """How much text is scored: at most so many bytes of one's own and of general text, each document to its limit.

    A document more than `largest_overlap` of whose n-grams of `ngram_words` words stand in any training document is
    left out: what was read before measures memory. Labels are learned from `label_examples` answers and asked of
    `label_items` that were held out, each to its limit of bytes. `known_texts` of those trained on, and as many that
    were held out, are asked for by their beginnings.
    """

    own_bytes: int = 400_000
    general_bytes: int = 200_000
    document_bytes: int = 1200
    least_bytes: int = 100
    largest_overlap: float = 0.2
    ngram_words: int = 8
    label_examples: int = 3000
    label_items: int = 1000
    label_bytes: int = 800
    known_texts: int = 200


@dataclass(frozen=True)
class CountConfig:
    """What is counted without a model: bytes of training text for zstd and for the n-gram model, and its order."""

    dictionary_bytes: int = 64_000_000
    ngram_bytes: int = 24_000_000
    ngram_order: int = 6


@dataclass(frozen=True)
class ScoreConfig:
    """How an arm is measured: windows of long texts, bytes of a beginning and of what is recited, answers to time.

    With `passages`, that many passages that search finds stand before each document, each of at most `passage_bytes`.
    """

    stride_share: float = 0.5
    beginning_bytes: int = 150
    recited_bytes: int = 100
    answers: int = 4
    answer_tokens: int = 64
    passages: int = 0
    passage_bytes: int = 300
    resamples: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class EvidenceConfig:
    """Resamples of the intervals, the level, and from which share on a difference matters to the one who pays for it.

    A difference whose interval lies within `alike` of nothing is called none.
    """

    resamples: int = 5000
    level: float = 0.05
    alike: float = 0.02
    seed: int = 0
