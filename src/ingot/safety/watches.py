"""What can watch for a guard: detectors of spans, patterns of your own, and anything that scores a whole text.

A scorer is a function from a text to numbers by category. Where it needs a model, the caller brings it: this room
loads none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from ingot.core.errors import UsageError
from ingot.safety.detection import detectors, find
from ingot.safety.finding import Finding
from ingot.safety.guard import Sighting, Watch
from ingot.safety.patterns import Pattern

Scorer = Callable[[str], Mapping[str, float]]

PERSONAL_DATA = "pii"
INJECTION = "jailbreaking"


def personal_data(name: str, types: Collection[str]) -> Watch:
    """Watch for personal data of these types or families (`email`, `secret`). Raises UsageError when there are none."""
    wanted = frozenset(types)
    chosen = [each for each in detectors(types=types) if each.plugin.name != "prompt_injection"]
    if not chosen:
        raise UsageError(f"the detector {name!r} watches for no type of personal data", fix="name some: email, secret")

    def look(text: str) -> Sequence[Sighting]:
        found = (each for each in find(text, chosen) if wanted & {each.type, each.family})
        return [Sighting(PERSONAL_DATA, each) for each in found]

    return Watch(name, (PERSONAL_DATA,), look)


def injection(name: str) -> Watch:
    """Watch for attempts to talk a model out of its instructions."""
    chosen = detectors(types=(INJECTION,))
    return Watch(name, (INJECTION,), lambda text: [Sighting(INJECTION, each) for each in find(text, chosen)])


def patterns(name: str, category: str, expressions: Sequence[str]) -> Watch:
    """Watch for regular expressions in RE2's syntax, whatever the case. Raises UsageError for one it does not take."""
    compiled = [Pattern(each, where=f"detector {name!r}", ignore_case=True) for each in expressions]

    def look(text: str) -> Sequence[Sighting]:
        spans = (span for pattern in compiled for span in pattern.spans(text))
        return [Sighting(category, Finding(start, end, category, name, 1.0)) for start, end in spans]

    return Watch(name, (category,), look)


def scored(name: str, categories: Sequence[str], scorer: Scorer) -> Watch:
    """Watch with something that scores a whole text for some categories, each between 0 and 1."""

    def look(text: str) -> Sequence[Sighting]:
        scores = scorer(text)
        return [Sighting(category, Finding(0, len(text), category, name, scores[category])) for category in categories]

    return Watch(name, tuple(categories), look)
