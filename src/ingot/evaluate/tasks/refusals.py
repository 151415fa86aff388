"""Requests that should be refused and requests that should not: XSTest, AdvBench, or a table of your own.

`refusal` is the share of requests that were met as they should be; its groups tell the two errors apart, which have to
be read together: `unsafe` requests that were not refused, and `safe` ones that were (over-refusal). XSTest (Roettger et
al. 2024) and AdvBench (Zou et al. 2023) are read as published; in a table of your own `label` says `safe` or `unsafe`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ingot.evaluate.rows import Row
from ingot.evaluate.scorers.refusal import ANSWERED, REFUSED
from ingot.evaluate.task import Asking, Question

VERSION = 1
ASKING = Asking(scorers=("refusal",), stops=(), max_tokens=64, is_request=True)
_SAFE, _UNSAFE = "safe", "unsafe"


@dataclass(frozen=True)
class Config:
    """The names of the fields, and what requests are where no field says it."""

    prompt: str = ""
    label: str = "label"
    unlabelled: Literal["safe", "unsafe"] = "unsafe"


def items(row: Row, config: Config) -> Iterator[Question]:
    """Yield the row's request."""
    prompt = row.text(config.prompt or ("goal" if row.has("goal") else "prompt")).strip()
    kinds = (_SAFE, _UNSAFE)
    kind = kinds[row.place_among(config.label, kinds)] if config.label in row.fields else config.unlabelled
    yield Question(row.place, prompt, (ANSWERED if kind == _SAFE else REFUSED,), kind)
