"""Settings of the steps `read`, `curate` and `tokenize`: literals only, so they can be part of a fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingot.data.dedup import exact, minhash
from ingot.data.split import Config as SplitConfig


@dataclass(frozen=True)
class ReadConfig:
    """How files become documents.

    `parsers` holds options by parser name ({"text": {"piece_bytes": 65536}}). A file that yields nothing for
    `timeout_seconds`, or needs more than `memory_bytes`, is given up and listed. The last four stamp every document.
    """

    parsers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    timeout_seconds: float = 120.0
    memory_bytes: int = 4 << 30
    licence: str | None = None
    owner: str | None = None
    access: tuple[str, ...] = ()
    retention: str | None = None


@dataclass(frozen=True)
class CurateConfig:
    """How documents become a dataset. Less than `least_bytes` of text is refused.

    The default leaves the 10,000 bytes a plan asks for after a tenth is held out, so that a text which passes here is
    not refused later with another number.
    """

    exact: exact.Config = field(default_factory=exact.Config)
    near: minhash.Config = field(default_factory=minhash.Config)
    split: SplitConfig = field(default_factory=SplitConfig)
    filters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    least_bytes: int = 12_000


@dataclass(frozen=True)
class TokenizeConfig:
    """How a dataset becomes shards: at most `token_limit` training tokens (0: all of them)."""

    token_limit: int = 0
