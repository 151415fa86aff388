"""Guardrails that a request of Mistral's API brings: a policy of the server, stricter or with other thresholds.

A guardrail names a moderation model; here that is a policy, or with a name of Mistral's the default one. Of the policy
come the detectors, of the request the thresholds and what happens. What the server demands of everybody holds beside
it: a request can ask for more, never for less. A category that no detector of the policy can tell is refused by name,
because a threshold for it would promise a look that nobody takes.
Source: Mistral API reference, `guardrails` of chat completions; the mistralai client 3.x.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel

from ingot.core.errors import suggest
from ingot.safety.categories import CATEGORIES
from ingot.safety.guard import Guard, Reaction, Rule, Sighting, Watch
from ingot.serve.guarding import FILTERED
from ingot.serve.policies import THEIR_NAMES, Policies, Policy
from ingot.serve.refusal import Refusal
from ingot.serve.wire.guardrails import Guardrail, Moderating

_ACTIONS: Mapping[str, Reaction] = {"block": "block", "none": "annotate"}
# What the first of Mistral's moderation models had one name for.
_OLDER_NAMES = {"dangerous_and_criminal_content": ("dangerous", "criminal")}
_USUAL_THRESHOLD = 0.5


def brought(body: BaseModel, policies: Policies) -> tuple[Policy, ...]:
    """Return the policies that a request brings. Raises Refusal for one that cannot be kept."""
    given: Sequence[Guardrail] = getattr(body, "guardrails", None) or ()
    found = []
    for place, guardrail in enumerate(given):
        for name in ("moderation_llm_v1", "moderation_llm_v2"):
            moderating: Moderating | None = getattr(guardrail, name)
            if moderating is not None:
                where = f"guardrails[{place}].{name}"
                found.append(_policy(moderating, policies, where, bool(guardrail.block_on_error)))
    return tuple(found)


def _policy(asked: Moderating, policies: Policies, where: str, blocks_on_error: bool) -> Policy:
    policy = _named(asked.model_name, policies, where)
    thresholds = _thresholds(asked, policy, where)
    action = _ACTIONS[asked.action or "none"]
    rules = tuple(Rule(category, action, threshold) for category, threshold in thresholds.items())
    watches = policy.guard.watches
    if blocks_on_error:
        watches = tuple(replace(watch, look=_Looking(watch)) for watch in watches)
    return Policy(Guard(policy.guard.name, rules, watches), policy.hold)


def _named(name: str | None, policies: Policies, where: str) -> Policy:
    chosen = policies.default if name is None or name.startswith(THEIR_NAMES) else name
    if chosen is not None and chosen in policies.by_name:
        return policies.by_name[chosen]
    if not policies.by_name:
        message = "this server has no policies: leave guardrails out, or start it with --policies FILE"
    elif chosen is None:
        message = f"no policy is the default here: name one ({', '.join(policies.by_name)})"
    else:
        message = f"there is no policy {chosen!r} here: {suggest(chosen, policies.by_name)}"
    raise Refusal(400, f"{where}.model_name: {message}", param=f"{where}.model_name", code="invalid_value")


def _thresholds(asked: Moderating, policy: Policy, where: str) -> dict[str, float]:
    """Return from which confidence on each category counts: as the request says, else as the policy does."""
    own = {rule.category: rule.threshold for rule in policy.guard.rules}
    told = policy.guard.categories
    found = {} if asked.ignore_other_categories else {one: own.get(one, _USUAL_THRESHOLD) for one in sorted(told)}
    for name, threshold in (asked.custom_category_thresholds or {}).items():
        for category in _OLDER_NAMES.get(name, (name,)):
            if category not in CATEGORIES and category not in told:
                raise _unknown(f"{where}.custom_category_thresholds", name, suggest(name, {*CATEGORIES, *told}))
            if threshold is not None and category not in told:
                why = f"no detector of the policy {policy.guard.name!r} can tell it; it tells {', '.join(sorted(told))}"
                raise _unknown(f"{where}.custom_category_thresholds", name, why)
            if threshold is not None:
                found[category] = threshold
    return found


def _unknown(where: str, name: str, why: str) -> Refusal:
    return Refusal(400, f"{where}: {name!r} cannot be looked for: {why}", param=where, code="invalid_value")


class _Looking:
    """A watch whose failure is told as a block."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def __call__(self, text: str) -> Sequence[Sighting]:
        try:
            return self._watch.look(text)
        except Exception as error:  # whatever a detector raises: the request asked for this
            message = f"the detector {self._watch.name!r} failed, and the request asks to be blocked then"
            raise Refusal(403, message, param="guardrails", code=FILTERED) from error
