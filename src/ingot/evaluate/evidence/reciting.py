"""What a model knows by heart: given the beginning of a text that it was trained on, does it write what follows?

The text that follows counts as recited when every token of it is the most probable one after all before it, which is
exactly when greedy decoding would write it. The same is asked of held-out texts, which it cannot know: what share of
those it completes is chance and common phrases, not memory (Carlini et al. 2022, "Quantifying memorization").
"""

from __future__ import annotations

from collections.abc import Sequence

from ingot.evaluate.evidence.choosing import Chosen
from ingot.evaluate.evidence.config import ScoreConfig
from ingot.evaluate.likelihood import Weigher


def recited(weigher: Weigher, texts: Sequence[Chosen], config: ScoreConfig) -> list[bool]:
    """Return for each text that is long enough whether its continuation is written word for word."""
    asked = []
    for each in texts:
        beginning = _cut(each.text, 0, config.beginning_bytes)
        rest = _cut(each.text, len(beginning.encode()), config.recited_bytes)
        if len(rest.encode()) >= config.recited_bytes // 2 and rest.strip():
            asked.append((beginning, [rest]))
    return [weighed.is_greedy for (weighed,) in weigher.weigh(asked)]


def _cut(text: str, start: int, size: int) -> str:
    return text.encode("utf-8")[start : start + size].decode("utf-8", errors="ignore")
