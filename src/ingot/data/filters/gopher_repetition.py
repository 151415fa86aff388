"""The repetition rules of Gopher: how much of a text are lines, paragraphs and n-grams of words that repeat.

Rae et al. (2021), "Scaling Language Models", table A1, with the thresholds published there; decisions are those of
datatrove 0.10's GopherRepetitionFilter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.data.annotations import Annotation, decision
from ingot.data.batch import TextBatch
from ingot.data.statistics.counts import Count

_TOP = (2, 3, 4)
_DUPLICATE = (5, 6, 7, 8, 9, 10)


@dataclass(frozen=True)
class Config:
    """The published thresholds, all shares: of lines, paragraphs, or characters.

    `top_ngrams` are for the most frequent 2-, 3- and 4-gram, `duplicate_ngrams` for repeated 5- to 10-grams.
    """

    duplicate_lines: float = 0.3
    duplicate_line_characters: float = 0.2
    duplicate_paragraphs: float = 0.3
    duplicate_paragraph_characters: float = 0.2
    top_ngrams: tuple[float, ...] = (0.20, 0.18, 0.16)
    duplicate_ngrams: tuple[float, ...] = (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return what the rules are about, whether each text passes, and the first rule that it breaks."""
    share = batch.statistics.share
    paragraphs = {
        "duplicate_paragraph_share": share(Count.DUPLICATE_PARAGRAPHS, Count.PARAGRAPHS),
        "duplicate_paragraph_character_share": share(Count.DUPLICATE_PARAGRAPH_CHARACTERS, Count.CHARACTERS),
    }
    lines = {
        "duplicate_line_share": share(Count.DUPLICATE_STRETCHES, Count.STRETCHES),
        "duplicate_line_character_share": share(Count.DUPLICATE_STRETCH_CHARACTERS, Count.CHARACTERS),
    }
    top = {f"top_{n}_gram_share": share(Count[f"TOP_{n}_GRAM"], Count.CHARACTERS) for n in _TOP}
    duplicate = {f"duplicate_{n}_gram_share": share(Count[f"DUPLICATE_{n}_GRAM"], Count.CHARACTERS) for n in _DUPLICATE}
    columns = paragraphs | lines | top | duplicate
    most = (
        *(config.duplicate_paragraphs, config.duplicate_paragraph_characters),
        *(config.duplicate_lines, config.duplicate_line_characters),
        *(*config.top_ngrams, *config.duplicate_ngrams),
    )
    empty = ("empty", batch.statistics.count(Count.CHARACTERS) == 0)
    checks = [(name.removesuffix("_share"), columns[name] > limit) for name, limit in zip(columns, most, strict=True)]
    annotations = [Annotation(name, values) for name, values in columns.items()]
    return [*annotations, *decision("gopher_repetition", [empty, *checks])]
