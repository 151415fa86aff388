"""What to do with each type of finding: keep it, mask it, put a pseudonym in its place, or drop the document.

An action is given to a type (`secret.jwt`) or to its family (`secret`); the type's own comes first. What identifies
somebody directly is masked by default, what only describes is kept. Kept findings never stand in the way: they are
left out before overlaps are resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from ingot.core.errors import UsageError, suggest
from ingot.safety.detection import known_types
from ingot.safety.finding import Finding, without_overlaps

Action = Literal["keep", "mask", "pseudonym", "drop"]

ACTIONS: tuple[Action, ...] = get_args(Action)
DEFAULT_ACTIONS: Mapping[str, Action] = {
    "address": "mask",
    "age": "keep",
    "date": "keep",
    "date_of_birth": "mask",
    "document_number": "mask",
    "email": "mask",
    "iban": "mask",
    "ip_address": "mask",
    "jailbreaking": "keep",
    "location": "keep",
    "mac_address": "mask",
    "national_id": "mask",
    "nationality": "keep",
    "occupation": "keep",
    "organisation": "keep",
    "payment_card": "mask",
    "person": "mask",
    "phone": "mask",
    "postcode": "mask",
    "secret": "mask",
    "title": "keep",
    "url": "keep",
    "user": "mask",
}


@dataclass(frozen=True)
class Decision:
    """A finding and what is to be done with it."""

    finding: Finding
    action: Action


@dataclass(frozen=True)
class Policy:
    """Actions by type or family over the defaults, and the confidence below which a finding is left alone.

    Raises UsageError for a type no detector finds, and for an action that does not exist.
    """

    actions: Mapping[str, Action] = field(default_factory=dict)
    least_confidence: float = 0.5

    def __post_init__(self) -> None:
        """Check the actions once, at the door."""
        for kind, action in self.actions.items():
            if (
                kind not in DEFAULT_ACTIONS
                and kind.partition(".")[0] not in DEFAULT_ACTIONS
                and kind not in known_types()
            ):
                raise UsageError(
                    f"no detector finds the type {kind!r}", where="policy", fix=suggest(kind, known_types())
                )
            if action not in ACTIONS:
                raise UsageError(
                    f"there is no action {action!r}", where=f"policy, {kind}", fix=suggest(action, ACTIONS)
                )

    def action(self, kind: str) -> Action:
        """Return the action for a type; a type of a plug-in that says nothing is masked."""
        family = kind.partition(".")[0]
        for actions in (self.actions, DEFAULT_ACTIONS):
            for name in (kind, family):
                if name in actions:
                    return actions[name]
        return "mask"

    @property
    def wanted(self) -> list[str]:
        """The types that are not kept: only detectors that can find one of them need to run."""
        return [kind for kind in {**dict.fromkeys(known_types()), **dict(self.actions)} if self.action(kind) != "keep"]

    def decided(self, findings: Iterable[Finding]) -> list[Decision]:
        """Return what is to be done, in order and without overlaps: the longest finding wins, then the surest."""
        sure = (
            each for each in findings if each.confidence >= self.least_confidence and self.action(each.type) != "keep"
        )
        return [Decision(each, self.action(each.type)) for each in without_overlaps(sure)]

    def drops(self, findings: Iterable[Finding]) -> list[str]:
        """Return the types because of which the document is dropped, sorted; none means that it stays."""
        return sorted({each.finding.type for each in self.decided(findings) if each.action == "drop"})
