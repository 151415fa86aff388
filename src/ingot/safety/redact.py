"""From findings to the replacements a policy asks for.

A replacement holds where, with what and because of which type; never what stood there. `[EMAIL]` masks, a pseudonym
stands in consistently (see pseudonyms).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingot.core.errors import UsageError
from ingot.safety.finding import Finding
from ingot.safety.policy import Decision, Policy
from ingot.safety.pseudonyms import Pseudonyms


@dataclass(frozen=True)
class Replacement:
    """Characters `start` to `end` of a text become `text`, because of a finding of a type."""

    start: int
    end: int
    text: str
    type: str


def replacements(
    text: str, findings: Iterable[Finding], policy: Policy, pseudonyms: Pseudonyms | None = None
) -> list[Replacement]:
    """Return the replacements for a text, sorted and without overlaps.

    Findings whose action is `drop` are masked here: whether the document goes is asked of `policy.drops`.
    Raises UsageError when the policy asks for pseudonyms and none can be made.
    """
    return [_replacement(text, decision, pseudonyms) for decision in policy.decided(findings)]


def redacted(text: str, edits: Iterable[Replacement]) -> str:
    """Return a text with its replacements made.

    >>> redacted("Ask ann@example.org now.", [Replacement(4, 19, "[EMAIL]", "email")])
    'Ask [EMAIL] now.'
    """
    parts, last = [], 0
    for edit in edits:
        parts += [text[last : edit.start], edit.text]
        last = edit.end
    return "".join([*parts, text[last:]])


def label(kind: str) -> str:
    """Return what masks a type: its family, or the name of a user's own pattern.

    >>> label("national_id.us_ssn"), label("user.customer")
    ('[NATIONAL_ID]', '[CUSTOMER]')
    """
    family, _, member = kind.partition(".")
    return f"[{(member if family == 'user' and member else family).upper()}]"


def _replacement(text: str, decision: Decision, pseudonyms: Pseudonyms | None) -> Replacement:
    finding = decision.finding
    if decision.action != "pseudonym":
        return Replacement(finding.start, finding.end, label(finding.type), finding.type)
    if pseudonyms is None:
        raise UsageError(
            f"the policy asks for pseudonyms for {finding.type!r}, and there is no key to make them with",
            where="policy",
            why="a pseudonym is derived from the value and a secret key, so that nobody without the key can repeat it",
            fix="give a key file, or choose mask",
        )
    stand_in = pseudonyms.stand_in(finding.type, text[finding.start : finding.end])
    return Replacement(finding.start, finding.end, stand_in, finding.type)
