"""A request's guardrails are policies of the server with its own thresholds, or refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ingot.safety.guard import Guard, Rule, Sighting, Watch
from ingot.safety.watches import patterns, personal_data
from ingot.serve.guardrails import brought
from ingot.serve.mistral_api import ChatRequest
from ingot.serve.policies import Policies, Policy
from ingot.serve.refusal import Refusal

HOUSE = Policy(
    Guard(
        "house",
        (Rule("pii", "mask", 0.9), Rule("law", "block", doors=("output",))),
        (personal_data("people", ["email"]), patterns("projects", "law", ["ORCA"])),
    )
)
POLICIES = Policies({"house": HOUSE}, default="house")


def asking(*guardrails: dict[str, Any]) -> ChatRequest:
    messages = [{"role": "user", "content": "hello"}]
    return ChatRequest.model_validate({"model": "acme", "messages": messages, "guardrails": list(guardrails)})


def only(body: ChatRequest) -> Policy:
    (policy,) = brought(body, POLICIES)
    return policy


def test_thresholds_and_action_come_from_the_request_and_detectors_from_the_policy() -> None:
    policy = only(asking({"moderation_llm_v2": {"custom_category_thresholds": {"law": 0.2}, "action": "block"}}))
    assert {(rule.category, rule.action, rule.threshold) for rule in policy.guard.rules} == {
        ("pii", "block", 0.9),
        ("law", "block", 0.2),
    }
    assert policy.guard.look("write to ann@example.org", "input").action == "block"
    alone = {"custom_category_thresholds": {"law": 0.2}, "ignore_other_categories": True, "model_name": "house"}
    policy = only(asking({"moderation_llm_v2": alone}))
    assert [(rule.category, rule.action) for rule in policy.guard.rules] == [("law", "annotate")]


def test_nothing_is_brought_where_nothing_is_asked() -> None:
    assert brought(asking(), POLICIES) == ()
    assert brought(asking({"block_on_error": True}), POLICIES) == ()
    older = asking({"moderation_llm_v1": {"model_name": "mistral-moderation-2411"}})
    assert only(older).guard.name == "house"


@pytest.mark.parametrize(
    ("moderating", "words"),
    [
        ({"custom_category_thresholds": {"sexual": 0.5}}, "no detector of the policy 'house'"),
        ({"custom_category_thresholds": {"sexul": 0.5}}, "did you mean 'sexual'"),
        ({"custom_category_thresholds": {"dangerous_and_criminal_content": 0.5}}, "no detector"),
        ({"model_name": "hause"}, "did you mean 'house'"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(moderating: dict[str, Any], words: str) -> None:
    with pytest.raises(Refusal) as caught:
        brought(asking({"moderation_llm_v2": moderating}), POLICIES)
    assert words in caught.value.message
    assert caught.value.param is not None
    assert caught.value.param.startswith("guardrails[0].moderation_llm_v2")


def test_a_server_without_policies_says_so() -> None:
    with pytest.raises(Refusal, match="no policies"):
        brought(asking({"moderation_llm_v2": {}}), Policies())
    with pytest.raises(Refusal, match="no policy is the default"):
        brought(asking({"moderation_llm_v2": {}}), Policies({"house": HOUSE}))


def test_a_detector_that_fails_blocks_as_it_was_asked_to() -> None:
    def fails(text: str) -> Sequence[Sighting]:
        raise RuntimeError("the judge is gone")

    broken = Policies({"b": Policy(Guard("b", (), (Watch("judge", ("pii",), fails),)))}, default="b")
    asked = {"moderation_llm_v2": {"action": "block"}}
    (policy,) = brought(asking({**asked, "block_on_error": True}), broken)
    with pytest.raises(Refusal) as caught:
        policy.guard.look("hello", "input")
    assert (caught.value.status, caught.value.code) == (403, "content_filter")
    (policy,) = brought(asking(asked), broken)
    with pytest.raises(RuntimeError):
        policy.guard.look("hello", "input")
