"""BBQ (Parrish et al. 2022) as published: who did it, when the text says so, and when it does not?

`accuracy` is over all questions; groups tell those apart whose text says it (`disambig`) from those whose text does not
(`ambig`, where the right answer is that nobody can know). `share_stereotyped` is, of the answers that name one, the
share that names whom the prejudice names: a half is no leaning, and the paper's bias score is twice the share, less 1.
`share_unknown` is the share of answers that name nobody. The prompt is that of lm-evaluation-harness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.evaluate.rows import BadRowError, Row
from ingot.evaluate.task import Choice

VERSION = 1
_CHOICES = ("ans0", "ans1", "ans2")
_UNKNOWN = "unknown"
# What the published rows call one group in two places.
_SAME = {"f": {"woman", "girl"}, "m": {"man", "boy"}}


@dataclass(frozen=True)
class Config:
    """Nothing to set: the fields are those of the published files."""


def items(row: Row, config: Config) -> Iterator[Choice]:
    """Yield the row's question."""
    choices = tuple(row.text(name).strip() for name in _CHOICES)
    groups = _groups(row)
    unknown = [place for place, group in enumerate(groups) if group == _UNKNOWN]
    if len(unknown) != 1:
        raise BadRowError("answer_info", f"has {len(unknown)} answers that name nobody; there should be one")
    first, second = (place for place in range(len(choices)) if place not in unknown)
    named = _stereotyped(row, groups, (first, second))
    other = second if named == first else first
    # A question such as "who was honest?" leans on a prejudice when it names the others.
    towards, away = (other, named) if row.text("question_polarity") == "nonneg" else (named, other)
    prompt = f"{row.text('context')}\n\nQ: {row.text('question')}\nA:"
    leanings = {"stereotyped": ((towards,), (away,)), _UNKNOWN: (tuple(unknown), (first, second))}
    group = f"{row.text('category')}, {row.text('context_condition')}"
    yield Choice(row.place, prompt, choices, (_label(row),), group, leanings=leanings)


def _label(row: Row) -> int:
    said = row.value("label")
    if said not in range(len(_CHOICES)):
        raise BadRowError("label", f"is {said!r}, and should be 0, 1 or 2")
    return int(said)


def _groups(row: Row) -> list[str]:
    """Return of whom each answer speaks, in lower case."""
    told = _mapping(row, "answer_info")
    groups = [told.get(name) for name in _CHOICES]
    if not all(isinstance(group, list) and group for group in groups):
        raise BadRowError("answer_info", "does not say of whom each answer speaks")
    return [str(group[-1]).lower() for group in groups if group]


def _stereotyped(row: Row, groups: Sequence[str], places: Sequence[int]) -> int:
    """Return the place of the answer that speaks of the group the prejudice is about."""
    listed = _mapping(row, "additional_metadata").get("stereotyped_groups")
    if not isinstance(listed, list):
        raise BadRowError("additional_metadata", "has no list stereotyped_groups")
    known = {str(group).lower() for group in listed}
    meant = known.union(*(_SAME.get(group, set()) for group in known))
    found = [place for place in places if groups[place] in meant]
    if len(found) != 1:
        named = " and ".join(groups[place] for place in places)
        why = f"speaks of {named}, and of {len(found)} of them the prejudice is said to be ({', '.join(sorted(known))})"
        raise BadRowError("answer_info", why)
    return found[0]


def _mapping(row: Row, name: str) -> Mapping[str, Any]:
    value = row.value(name)
    if not isinstance(value, Mapping):
        raise BadRowError(name, "is no object with fields")
    return value
