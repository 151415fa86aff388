"""The settings of the tokenizer step."""

from __future__ import annotations

from dataclasses import dataclass

from ingot.core.errors import InputError
from ingot.tokenizer.vocabulary import ROW_MULTIPLE, SMALLEST


@dataclass(frozen=True)
class Config:
    """How large the vocabulary may become, and how much text it is learned from.

    `vocabulary` counts everything: special tokens, the 256 bytes, merges. A corpus too small to fill it gives a smaller
    one, reported as the fact `vocabulary`. `sample_bytes` bounds time and memory (about 0.5 s of one core and 10 MB of
    memory a megabyte); beyond a few tens of megabytes more text hardly changes the merges.
    """

    vocabulary: int = 4096
    sample_bytes: int = 32_000_000

    def __post_init__(self) -> None:
        if self.vocabulary < SMALLEST or self.vocabulary % ROW_MULTIPLE:
            nearest = max(SMALLEST, round(self.vocabulary / ROW_MULTIPLE) * ROW_MULTIPLE)
            raise InputError(
                f"a vocabulary of {self.vocabulary} tokens cannot be built",
                where="tokenizer, option vocabulary",
                why=f"it must be a multiple of {ROW_MULTIPLE} and at least {SMALLEST}: special tokens and single bytes",
                fix=f"use {nearest}",
            )
        if self.sample_bytes < 1:
            raise InputError(
                "the tokenizer needs text to learn from",
                where="tokenizer, option sample_bytes",
                fix="use 32000000, or leave the option out",
            )
