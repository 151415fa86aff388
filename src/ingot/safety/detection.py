"""Running detectors over texts: which ones, and all of them at once.

A long text is cut at line ends into windows, so that memory stays bounded; what a window says (a name once sure, a
word seen in small letters) is not known in the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ingot.core.config import load as load_config
from ingot.core.plugins import Plugin, load, names
from ingot.safety.finding import Finding, in_order
from ingot.safety.patterns import AnyOf
from ingot.safety.text import Text

WINDOW_CHARACTERS = 1 << 18


@dataclass(frozen=True)
class Detector:
    """A detector with its settings."""

    plugin: Plugin
    config: Any

    @property
    def types(self) -> tuple[str, ...]:
        """The types it can find; a family stands for all of its members."""
        types: tuple[str, ...] = self.plugin.config_type.TYPES
        return types

    @property
    def trigger(self) -> str:
        """A pattern without which it finds nothing, or an empty text."""
        trigger: str = getattr(self.plugin.config_type, "TRIGGER", "")
        return trigger


def detectors(
    options: Mapping[str, Mapping[str, Any]] | None = None, types: Collection[str] | None = None
) -> list[Detector]:
    """Return every detector, or those that can find one of these types; `options` by name override their defaults.

    Raises UsageError for a name or an option that does not exist, and for a pattern that cannot be used.
    """
    given = options or {}
    for name in given:
        load("detector", name)
    plugins = [load("detector", name) for name in names("detector")]
    chosen = [Detector(each, load_config(each.config_type, given.get(each.name, {}), each.name)) for each in plugins]
    return [each for each in chosen if types is None or _finds_any(each, types)]


def _finds_any(detector: Detector, types: Collection[str]) -> bool:
    families = {wanted.partition(".")[0] for wanted in types}
    return any(found in types or found.partition(".")[0] in families for found in detector.types)


@cache
def known_types() -> tuple[str, ...]:
    """Return every type and family that some detector can find, sorted."""
    configs = [load("detector", name).config_type for name in names("detector")]
    types = {form for config in configs for found in config.TYPES for form in (found, found.partition(".")[0])}
    return tuple(sorted(types))


def find(text: str, chosen: Sequence[Detector]) -> list[Finding]:
    """Return what the detectors find in a text, in order; findings may overlap."""
    return in_order(finding for start, window in _windows(text) for finding in _in_window(start, window, chosen))


def find_all(texts: Iterable[str], chosen: Sequence[Detector]) -> Iterator[list[Finding]]:
    """Yield the findings of each text. The outcome for a text does not depend on the others."""
    return (find(text, chosen) for text in texts)


def _in_window(start: int, window: Text, chosen: Sequence[Detector]) -> Iterator[Finding]:
    triggers = _any_of(tuple(detector.trigger for detector in chosen if detector.trigger))
    occurring = triggers.occurring(window)
    for detector in chosen:
        is_likely = not detector.trigger or detector.trigger in occurring
        for finding in detector.plugin.entry(window, detector.config) if is_likely else ():
            yield finding if not start else replace(finding, start=finding.start + start, end=finding.end + start)


@cache
def _any_of(triggers: tuple[str, ...]) -> AnyOf:
    return AnyOf(triggers)


def _windows(text: str) -> Iterator[tuple[int, Text]]:
    start = 0
    while len(text) - start > WINDOW_CHARACTERS:
        limit = start + WINDOW_CHARACTERS
        cuts = (text.rfind(mark, start + WINDOW_CHARACTERS // 2, limit) + 1 for mark in ("\n", " "))
        end = next((cut for cut in cuts if cut), limit)
        yield start, Text(text[start:end])
        start = end
    yield start, Text(text[start:])
