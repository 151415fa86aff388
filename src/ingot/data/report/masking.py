"""What a report may show of a text: personal data and secrets give way to their type, or to their bare shape.

Detectors find most personal data and not all. So beginnings of documents are shown masked and short, and of a finding
no more than its shape is shown, without the words around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from ingot.safety.detection import Detector, detectors, find
from ingot.safety.finding import Finding, in_order
from ingot.safety.policy import Policy

_LEAST_CONFIDENCE = 0.3  # below what a policy asks for: too much masked is no harm here
_LEAST_IN_A_NAME = 0.9  # a file name is no sentence: weak signs of a person in it are mostly wrong
_NUMBERS = ("phone", "national_id", "ip_address", "postcode")  # and it is full of numbers
_SEPARATORS = re.compile("([/#!])")
_WORDS = re.compile(r"[^\W_]+")


@cache
def identifying() -> tuple[str, ...]:
    """Return the types that identify somebody directly, which are not kept by default."""
    return tuple(Policy().wanted)


@cache
def _detectors() -> list[Detector]:
    return detectors(types=identifying())


def masked(text: str) -> str:
    """Return a text with the type in brackets in the place of what may be personal.

    >>> masked("Mail to anna.example@example.com now.")
    'Mail to [email] now.'
    """
    return _replaced(text, lambda finding: finding.confidence >= _LEAST_CONFIDENCE)


def masked_name(uri: str) -> str:
    """Return a URI with what is personal in the names of its folders and files masked."""
    return "".join(_replaced(part, _is_sure_in_a_name) for part in _SEPARATORS.split(uri))


def _is_sure_in_a_name(finding: Finding) -> bool:
    least = _LEAST_IN_A_NAME if finding.type == "person" else _LEAST_CONFIDENCE
    return finding.family not in _NUMBERS and finding.confidence >= least


def shape(value: str) -> str:
    """Return what a value looks like without any of its letters and digits, nor how many there are.

    >>> shape("anna.example@example.com")
    '•••.•••@•••.•••'
    """
    return _WORDS.sub("•••", value)


def _replaced(text: str, is_personal: Callable[[Finding], bool]) -> str:
    policy = Policy()
    kept = [each for each in find(text, _detectors()) if policy.action(each.type) != "keep" and is_personal(each)]
    shown, place = [], 0
    for start, end, kind in _covered(kept):
        shown += [text[place:start], f"[{kind}]"]
        place = end
    return "".join([*shown, text[place:]])


def _covered(findings: Iterable[Finding]) -> Iterator[tuple[int, int, str]]:
    """Yield stretches that findings cover, with a type each: of two that overlap neither may be left in part."""
    stretch: tuple[int, int, str] | None = None
    for finding in in_order(findings):
        if stretch and finding.start < stretch[1]:
            stretch = (stretch[0], max(stretch[1], finding.end), stretch[2])
            continue
        if stretch:
            yield stretch
        stretch = (finding.start, finding.end, finding.type)
    if stretch:
        yield stretch
