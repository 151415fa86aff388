"""A guard is a policy at a door: what a text may not say on its way to a model or back, and what happens then.

    1. watches look at the text: detectors of spans, classifiers of whole texts, a model asked to judge
    2. each tells what it saw as a category and a finding, which says where and how sure it is
    3. every rule of the policy that fits category, door and threshold becomes a decision
    4. the strongest decision is the verdict's action; spans to mask are masked

A category that no watch can tell has no score at all: an answer of 0 would say that somebody looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ingot.core.errors import UsageError, suggest
from ingot.safety.categories import CATEGORIES
from ingot.safety.finding import Finding, without_overlaps
from ingot.safety.redact import Replacement, label, redacted

Door = Literal["input", "output"]
Reaction = Literal["annotate", "mask", "review", "block"]

DOORS: tuple[Door, ...] = get_args(Door)
REACTIONS: tuple[Reaction, ...] = get_args(Reaction)  # from the weakest to the strongest


@dataclass(frozen=True)
class Sighting:
    """A finding, and the category of moderation it belongs to."""

    category: str
    finding: Finding


@dataclass(frozen=True)
class Watch:
    """A detector at work in a guard: its name in the policy, every category it can tell, and how it looks.

    `look` returns what it saw in a text, surely or not: the thresholds are the rules'.
    """

    name: str
    categories: tuple[str, ...]
    look: Callable[[str], Sequence[Sighting]]


@dataclass(frozen=True)
class Rule:
    """What happens to a text that is in a category with at least this confidence, at these doors.

    `mask` covers the spans that were found; where the finding is the whole text, all of it.
    """

    category: str
    action: Reaction = "block"
    threshold: float = 0.5
    doors: tuple[Door, ...] = DOORS

    def __post_init__(self) -> None:
        """Check the rule once, at the door. Raises UsageError for a value that does not exist."""
        where = f"rule for {self.category}"
        if self.action not in REACTIONS:
            raise UsageError(f"there is no action {self.action!r}", where=where, fix=suggest(self.action, REACTIONS))
        if not 0 <= self.threshold <= 1:
            raise UsageError(f"the threshold {self.threshold} is not between 0 and 1", where=where, fix="use 0.5")
        unknown = [door for door in self.doors if door not in DOORS]
        if unknown or not self.doors:
            named = f"there is no door {unknown[0]!r}" if unknown else "the rule has no door"
            raise UsageError(named, where=where, fix=f"use one or both of {', '.join(DOORS)}")

    def fits(self, sighting: Sighting, door: Door) -> bool:
        """Say whether the rule applies to what was seen at a door."""
        return (
            door in self.doors and sighting.category == self.category and sighting.finding.confidence >= self.threshold
        )


@dataclass(frozen=True)
class Decision:
    """One rule that applied, by its place in the policy, and what it applied to. It never holds the text."""

    rule: int
    action: Reaction
    sighting: Sighting


@dataclass(frozen=True)
class Verdict:
    """What a guard says of one text at one door.

    `scores` has every category of the API and of the rules: the surest sighting, 0 where a watch looked and saw
    nothing, None where none can tell. `text` is the text with its masks.
    """

    door: Door
    text: str
    scores: Mapping[str, float | None]
    decisions: tuple[Decision, ...]

    @property
    def action(self) -> Reaction | None:
        """The strongest action decided; None lets the text pass."""
        return max((each.action for each in self.decisions), key=REACTIONS.index, default=None)

    @property
    def flagged(self) -> frozenset[str]:
        """The categories that some rule applied to."""
        return frozenset(each.sighting.category for each in self.decisions)

    def because_of(self, action: Reaction) -> tuple[Decision, ...]:
        """Return the decisions for one action."""
        return tuple(each for each in self.decisions if each.action == action)


@dataclass(frozen=True)
class Guard:
    """A named policy with the watches that serve it.

    Raises UsageError for a rule about a category that none of its watches can tell: it would never apply, and nobody
    would notice.
    """

    name: str
    rules: tuple[Rule, ...]
    watches: tuple[Watch, ...]

    def __post_init__(self) -> None:
        """Check that every rule can apply."""
        told = self.categories
        for rule in self.rules:
            if rule.category not in told:
                raise UsageError(
                    f"no detector of this policy can tell {rule.category!r}",
                    where=f"policy {self.name!r}",
                    why="the rule would never apply, and nobody would notice",
                    fix=f"add a detector for it, or write a rule for {', '.join(sorted(told)) or 'another category'}",
                )

    @property
    def categories(self) -> frozenset[str]:
        """Every category that some watch can tell."""
        return frozenset(category for watch in self.watches for category in watch.categories)

    def look(self, text: str, door: Door) -> Verdict:
        """Judge a text. A watch that fails raises: a guard that does not look does not let pass."""
        sightings = [sighting for watch in self.watches for sighting in watch.look(text)] if text else []
        decisions = tuple(
            Decision(number, rule.action, sighting)
            for number, rule in enumerate(self.rules)
            for sighting in sightings
            if rule.fits(sighting, door)
        )
        return Verdict(door, masked(text, decisions), self._scores(sightings), decisions)

    def _scores(self, sightings: Iterable[Sighting]) -> dict[str, float | None]:
        scores: dict[str, float | None] = dict.fromkeys(CATEGORIES)
        scores |= dict.fromkeys(sorted(self.categories), 0.0)
        for sighting in sightings:
            scores[sighting.category] = max(scores[sighting.category] or 0.0, sighting.finding.confidence)
        return scores


def masked(text: str, decisions: Iterable[Decision]) -> str:
    """Return a text with the spans covered that are to be masked.

    >>> mail = Sighting("pii", Finding(4, 19, "email", "email", 0.9))
    >>> masked("Ask ann@example.org now.", [Decision(0, "mask", mail)])
    'Ask [EMAIL] now.'
    """
    return redacted(text, masks(decisions))


def masks(decisions: Iterable[Decision]) -> list[Replacement]:
    """Return what covers the spans that are to be masked, in order and without overlaps."""
    findings = without_overlaps(each.sighting.finding for each in decisions if each.action == "mask")
    return [Replacement(each.start, each.end, label(each.type), each.type) for each in findings]
