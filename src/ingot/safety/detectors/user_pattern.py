"""Your own regular expressions, for what only your organisation has: customer numbers, project names, staff ids.

They run on RE2 and nothing else, so that no pattern can hang a run (see patterns). A match of a pattern's first group
is the finding, or the whole match where there is no group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

from ingot.core.errors import UsageError
from ingot.safety.finding import Finding
from ingot.safety.patterns import Pattern
from ingot.safety.text import Text


@dataclass(frozen=True)
class Config:
    """Settings of the user pattern detector.

    `patterns` maps a name to a regular expression in RE2's syntax, for example
    `customer: '\\bC-[0-9]{6}\\b'`; the finding's type is `user.customer`.
    """

    TYPES: ClassVar[tuple[str, ...]] = ("user",)

    patterns: Mapping[str, str] = field(default_factory=dict)
    confidence: float = 0.9

    def __post_init__(self) -> None:
        """Compile every pattern at once. Raises UsageError, naming the pattern."""
        for name, expression in self.patterns.items():
            if not name.isidentifier():
                raise UsageError(f"{name!r} cannot name a pattern", fix="use letters, digits and underscores")
            _compiled(name, expression)


def detect(text: str, config: Config) -> Iterator[Finding]:
    """Yield what the user's patterns find in a text."""
    whole = Text.of(text)
    for name, expression in config.patterns.items():
        for spans in _compiled(name, expression).groups(whole):
            start, end = next((span for span in spans[1:] if span[0] >= 0), spans[0])
            if end > start:
                yield Finding(start, end, f"user.{name}", "user_pattern", config.confidence)


@cache
def _compiled(name: str, expression: str) -> Pattern:
    return Pattern(expression, where=f"pattern {name!r}")
