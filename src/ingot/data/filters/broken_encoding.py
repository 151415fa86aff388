"""How much of a text was broken by a wrong encoding: replacement characters, and UTF-8 once read as Windows-1252."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingot.data.annotations import Annotation

# U+FFFD, or what the lead byte of a two- or three-byte character becomes, followed by what a continuation byte becomes.
_BROKEN = re.compile("\ufffd|[ÂÃÄÅ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|â€[\u0080-\u00bf™œ“”¦]")


@dataclass(frozen=True)
class Config:
    """Settings of the broken-encoding filter: the least spread (breaks per character) that counts as one."""

    least_spread: float = 0.0002


def annotate(texts: Sequence[str], config: Config) -> Annotation:
    """Return the breaks per character of each text."""
    shares = [0.0 if text.isascii() else len(_BROKEN.findall(text)) / len(text) for text in texts]
    values = np.array(shares, dtype=np.float64)
    return Annotation("broken_share", "broken_encoding", "high", config.least_spread, values)
