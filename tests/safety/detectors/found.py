"""What a detector finds in a text, as (type, words) pairs."""

from __future__ import annotations

from typing import Any

from ingot.core.plugins import load
from ingot.safety.detection import Detector, find
from ingot.safety.finding import without_overlaps

THRESHOLD = 0.5


def found(name: str, text: str, least: float = THRESHOLD, **options: Any) -> list[tuple[str, str]]:
    """Run one detector and return what a policy would act on."""
    plugin = load("detector", name)
    findings = find(text, [Detector(plugin, plugin.config_type(**options))])
    sure = without_overlaps(each for each in findings if each.confidence >= least)
    return [(each.type, text[each.start : each.end]) for each in sure]


def words(name: str, text: str, least: float = THRESHOLD, **options: Any) -> list[str]:
    return [found_words for _, found_words in found(name, text, least, **options)]
