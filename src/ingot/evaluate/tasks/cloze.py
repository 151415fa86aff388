"""The last word of a passage, as in LAMBADA (Paperno et al. 2016): does the model know how a text of yours goes on?

A row holds a `text`; published LAMBADA is read as it is. Of a document, one passage of `words` words is taken from
its middle, so a thousand documents make a thousand items. Measured are the share of passages whose last word is what
the model would write, and how surprised it is by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ingot.core.errors import UsageError
from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Passage

VERSION = 1
_LEAST_WORDS = 8
_WORD = re.compile(r"\w[\w'-]{2,}")


@dataclass(frozen=True)
class Config:
    """The column with the text, and how many words a passage has at most, the last one included."""

    text: str = "text"
    words: int = 64

    def __post_init__(self) -> None:
        if self.words < _LEAST_WORDS:
            raise UsageError(f"{self.words} words are no passage", where="cloze", fix=f"take {_LEAST_WORDS} or more")


def items(row: Row, config: Config) -> Iterator[Passage]:
    """Yield the row's passage, its last word apart."""
    words = row.text(config.text).split()
    if len(words) < _LEAST_WORDS:
        raise BadRowError(config.text, f"has {len(words)} words; {_LEAST_WORDS} or more make a passage")
    end = len(words) if len(words) <= config.words else len(words) // 2 + config.words // 2
    # The last word worth asking for: one that begins with three letters or digits.
    while end > _LEAST_WORDS and not _WORD.match(words[end - 1]):
        end -= 1
    found = _WORD.match(words[end - 1])
    if found is None:
        raise BadRowError(config.text, "has no word of three letters or more to ask for")
    prompt = " ".join(words[max(0, end - config.words) : end - 1])
    yield Passage(str(row.fields.get("uri") or row.place), prompt, found.group())
