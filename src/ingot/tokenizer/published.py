"""What public tokenizers are known to do, to stand beside a vocabulary's own figures.

Figures only, with the text they were measured on: the vocabularies themselves belong to others and are not here. They
are not comparable to the last digit, because the texts differ; to compare on your own text, hand in the other tokenizer
(`measure.compare`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

# The texts are those of nanochat's scripts/tok_eval.py (the web text is of FineWeb-Edu), the counts what it printed on
# 2025-10-14: model card of nanochat-students/nanochat-tokenizer-2B. Its pull request 328 has the same for GPT-2.
_NANOCHAT: Final = "nanochat, scripts/tok_eval.py (model card nanochat-students/nanochat-tokenizer-2B, 2025)"


@dataclass(frozen=True)
class Published:
    """One figure: a tokenizer with its vocabulary, the text, its bytes and tokens, and who measured it."""

    tokenizer: str
    vocabulary: int
    text: str
    bytes: int
    tokens: int
    source: str

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text for a token."""
        return round(self.bytes / self.tokens, 2)


_MEASURED: Final = {
    "English web text": (4_991_242, 1_075_364, 1_048_837),
    "English news": (1_819, 404, 387),
    "English science": (1_112, 260, 249),
    "Korean news": (893, 745, 364),
    "Python": (1_259, 576, 309),
    "LaTeX": (1_834, 936, 832),
}

PUBLISHED: Final = tuple(
    Published(name, vocabulary, text, size, tokens, _NANOCHAT)
    for text, (size, *counts) in _MEASURED.items()
    for (name, vocabulary), tokens in zip((("GPT-2", 50_257), ("GPT-4 (cl100k)", 100_277)), counts, strict=True)
)


def as_facts() -> dict[str, Any]:
    """Return bytes per token by tokenizer and text, and where that was measured, as JSON literals."""
    names = dict.fromkeys(one.tokenizer for one in PUBLISHED)
    rates = {name: {one.text: one.bytes_per_token for one in PUBLISHED if one.tokenizer == name} for name in names}
    return {"bytes_per_token": rates, "source": _NANOCHAT}
