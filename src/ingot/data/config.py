"""Settings of the steps `read`, `curate` and `tokenize`: literals only, so they can be part of a fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingot.core.config import added
from ingot.core.errors import UsageError
from ingot.data.canaries import Config as CanaryConfig
from ingot.data.dedup import exact, minhash
from ingot.data.rules import Rule
from ingot.data.split import Config as SplitConfig

# Less than the interpreter and the libraries of a parser take by themselves reads no document.
_LEAST_MEMORY = 256 << 20


@dataclass(frozen=True)
class ReadConfig:
    """How files become documents.

    `parsers` holds options by parser name ({"text": {"piece_bytes": 65536}}). A file that yields nothing for
    `timeout_seconds`, or needs more than `memory_bytes`, is given up and listed. The last four stamp every document.
    """

    parsers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    timeout_seconds: float = 60.0
    memory_bytes: int = 3 << 29
    licence: str | None = None
    owner: str | None = None
    access: tuple[str, ...] = ()
    retention: str | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for limits under which nothing can be read, or which are none."""
        if not self.timeout_seconds > 0:
            raise UsageError(f"timeout_seconds of {self.timeout_seconds} reads nothing", fix="give more than 0 seconds")
        if not _LEAST_MEMORY <= self.memory_bytes < 1 << 63:
            fix = f"give between {_LEAST_MEMORY} and {(1 << 63) - 1}"
            raise UsageError(f"memory_bytes of {self.memory_bytes} is no limit a parser can work in", fix=fix)


@dataclass(frozen=True)
class Choice:
    """A plug-in by name and its options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


# What every document is described by. Naming them here keeps an old recipe the same when a filter is added.
USUAL_FILTERS = (
    *("broken_encoding", "compressibility", "digits", "line_length", "repeated_lines", "symbols", "word_length"),
    *("gopher_quality", "gopher_repetition", "c4", "fineweb", "language", "licence", "personal_data"),
)


@dataclass(frozen=True)
class CurateConfig:
    """How documents become a dataset. Less than `least_bytes` of text is refused.

    `transforms` change texts, in this order; `filters` describe them; `drop` holds the rules that drop documents by
    what filters found. Of repeats only exact ones are dropped, unless `drop_near_duplicates` says otherwise.

    The default leaves the 10,000 bytes a plan asks for after a tenth is held out, so that a text which passes here is
    not refused later with another number.
    """

    exact: exact.Config = field(default_factory=exact.Config)
    near: minhash.Config = field(default_factory=minhash.Config)
    split: SplitConfig = field(default_factory=SplitConfig)
    transforms: tuple[Choice, ...] = ()
    filters: tuple[Choice, ...] = tuple(Choice(name) for name in USUAL_FILTERS)
    drop: tuple[Rule, ...] = ()
    drop_near_duplicates: bool = False
    least_bytes: int = 12_000


@dataclass(frozen=True)
class TokenizeConfig:
    """How a dataset becomes shards: at most `token_limit` training tokens (0: all of them), in shards of `shard_bytes`.

    A shard is what a crash, or the erasure of one document, makes do again; 256 MB of text are some 64 million tokens.
    With `canaries` a little invented text is put in, by which an audit finds what a model learns by heart.
    """

    token_limit: int = 0
    shard_bytes: int = 256_000_000
    canaries: CanaryConfig | None = added(None)
