"""The settings of the tokenizer step."""

from __future__ import annotations

from dataclasses import dataclass

from ingot.core.errors import InputError
from ingot.tokenizer.splitting import DEFAULT, named
from ingot.tokenizer.vocabulary import ROW_MULTIPLE, SMALLEST

_LONGEST_INDENTATION = 64


@dataclass(frozen=True)
class Config:
    """How large the vocabulary may become, how words are cut, and how much text it is learned from.

    `vocabulary` counts everything: special tokens, the 256 bytes, merges, terms. A corpus too small to fill it gives a
    smaller one, reported as the fact `vocabulary`. With `width` and `layer_parameters` of the model, `vocabulary` is
    the most: of the sizes below it the one is taken that makes the least arithmetic for a byte of text (`nested`).

    `splitting` is the rule that cuts text into words: `qwen2` takes every digit alone, `llama-bpe` three at a time,
    `gpt-2` whole numbers (`splitting`). `terms` are never split. Runs of up to `indentation` blanks are one token,
    however little code there is. A `temperature` above 1 gives small languages more than their share (`sample`).

    `sample_bytes` bounds time and memory (up to 0.5 s of one core and 10 MB of memory a megabyte); beyond a few tens of
    megabytes more text hardly changes the merges.
    """

    vocabulary: int = 4096
    sample_bytes: int = 32_000_000
    splitting: str = DEFAULT
    terms: tuple[str, ...] = ()
    indentation: int = 0
    temperature: float = 1.0
    width: int = 0
    layer_parameters: int = 0

    def __post_init__(self) -> None:
        named(self.splitting)
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
        if not 0 <= self.indentation <= _LONGEST_INDENTATION:
            raise InputError(
                f"runs of {self.indentation} blanks cannot be tokens",
                where="tokenizer, option indentation",
                why="every length up to it takes a place of the vocabulary",
                fix=f"use 0 (only what is frequent) to {_LONGEST_INDENTATION}",
            )
        if not self.temperature >= 1.0:
            raise InputError(
                f"a temperature of {self.temperature} would make small languages smaller",
                where="tokenizer, option temperature",
                fix="use 1 for the languages as they are, 2 or 3 to balance them",
            )
        if bool(self.width) != bool(self.layer_parameters):
            raise InputError(
                "the size of the vocabulary cannot be chosen",
                where="tokenizer, options width and layer_parameters",
                why="what a vocabulary costs is measured against the layers of the model",
                fix="give both, or neither for a vocabulary of the size you say",
            )


@dataclass(frozen=True)
class CutConfig:
    """How many tokens are left of a larger vocabulary; one that has no more stays as it is."""

    vocabulary: int

    def __post_init__(self) -> None:
        Config(vocabulary=self.vocabulary)  # what can be learned can be cut


@dataclass(frozen=True)
class AdoptConfig:
    """There is nothing to set: what is taken in is what the source holds."""


@dataclass(frozen=True)
class MoveConfig:
    """The seed of the rows that control tokens begin with which the old vocabulary did not have."""

    seed: int = 0
