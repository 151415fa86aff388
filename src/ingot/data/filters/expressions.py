"""Your own regular expressions: for each, whether a text has a match.

They run on RE2 and nothing else, in time linear in the text whatever the expression (see safety/patterns).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from ingot.core.errors import UsageError
from ingot.data.annotations import Annotation
from ingot.data.batch import TextBatch
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")


@dataclass(frozen=True)
class Config:
    """Expressions in RE2's syntax by name: `draft: '(?i)\\bdraft\\b'` gives the column `matches_draft`."""

    patterns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Compile every expression at once. Raises UsageError, naming the expression."""
        for name, expression in self.patterns.items():
            if not _NAME.match(name):
                raise UsageError(f"{name!r} cannot name a column", fix="use small letters, digits and underscores")
            _compiled(name, expression)


def annotate(batch: TextBatch, config: Config) -> Sequence[Annotation]:
    """Return for each expression which texts it matches anywhere."""
    texts = [Text.of(text) for text in batch.strings] if config.patterns else []
    patterns = {name: _compiled(name, expression) for name, expression in config.patterns.items()}
    return [
        Annotation(f"matches_{name}", np.array([pattern.occurs(text) for text in texts], np.bool_))
        for name, pattern in patterns.items()
    ]


@cache
def _compiled(name: str, expression: str) -> Pattern:
    return Pattern(expression, where=f"pattern {name!r}")
