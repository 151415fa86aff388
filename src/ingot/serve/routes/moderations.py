"""Texts are judged: by a policy, or by a model that tells classes apart."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter, Request
from pydantic import BaseModel

from ingot.core.errors import suggest
from ingot.safety.categories import CATEGORIES, OPENAI_CATEGORIES
from ingot.safety.guard import Door, Verdict
from ingot.serve.policies import THEIR_NAMES, Policy
from ingot.serve.refusal import Refusal
from ingot.serve.routes.given import Caller, ServerHere, takes
from ingot.serve.server import Server
from ingot.serve.speaking import OPENAI, read, read_as, spoken
from ingot.serve.wire.chat import Message
from ingot.serve.wire.moderation import (
    ChatClassificationRequest,
    ChatModerationRequest,
    Classification,
    ClassificationRequest,
    MistralModerationRequest,
    Moderated,
    Moderation,
    ModerationRequest,
    TargetScores,
)

router = APIRouter()
BODIES: Mapping[str, type[BaseModel]] = {"openai": ModerationRequest, "mistral": MistralModerationRequest}


@router.post("/v1/moderations", openapi_extra=takes(*BODIES.values()))
async def moderations(request: Request, server: ServerHere, caller: Caller) -> Moderation:
    """Judge texts by a policy."""
    body: ModerationRequest | MistralModerationRequest = await read(request, BODIES)
    policy = _policy(server, body.model)
    shape = _openai if spoken(request) is OPENAI else _mistral
    return await _judged(policy, _texts(body.input), shape)


@router.post("/v1/chat/moderations", openapi_extra=takes(ChatModerationRequest))
async def chat_moderations(request: Request, server: ServerHere, caller: Caller) -> Moderation:
    """Judge the last message of conversations by a policy: as an answer when the assistant says it."""
    body = await read_as(request, ChatModerationRequest)
    policy = _policy(server, body.model)
    results = []
    for message in _last_messages(body.input):
        door: Door = "output" if message.role == "assistant" else "input"
        results.append(_mistral(await asyncio.to_thread(policy.guard.look, message.text, door)))
    return Moderation(id=_new_id("modr"), model=policy.guard.name, results=results)


@router.post("/v1/classifications", openapi_extra=takes(ClassificationRequest))
async def classifications(request: Request, server: ServerHere, caller: Caller) -> Classification:
    """Return the probability of every class for texts."""
    body = await read_as(request, ClassificationRequest)
    return await _classified(server, body.model, _texts(body.input))


@router.post("/v1/chat/classifications", openapi_extra=takes(ChatClassificationRequest))
async def chat_classifications(request: Request, server: ServerHere, caller: Caller) -> Classification:
    """Return the probability of every class for conversations: what everybody said, in order."""
    body = await read_as(request, ChatClassificationRequest)
    conversations = body.input if isinstance(body.input, list) else [body.input]
    texts = ["\n\n".join(message.text for message in each.messages if message.text) for each in conversations]
    return await _classified(server, body.model, texts)


def _policy(server: Server, name: str | None) -> Policy:
    policies = server.judges.policies
    if name is None or name.startswith(THEIR_NAMES):
        name = policies.default
    if name is not None and name in policies.by_name:
        return policies.by_name[name]
    if not policies.by_name:
        message = "this server has no policies: start it with --policies FILE"
    elif name is None:
        message = f"no policy is the default here: name one ({', '.join(policies.by_name)})"
    else:
        message = f"there is no policy {name!r} here: {suggest(name, policies.by_name)}"
    raise Refusal(404, message, param="model", code="model_not_found")


async def _judged(policy: Policy, texts: Sequence[str], shape: Callable[[Verdict], Moderated]) -> Moderation:
    verdicts = [await asyncio.to_thread(policy.guard.look, text, "input") for text in texts]
    return Moderation(id=_new_id("modr"), model=policy.guard.name, results=[shape(verdict) for verdict in verdicts])


def _mistral(verdict: Verdict) -> Moderated:
    told = {name: score for name, score in verdict.scores.items() if score is not None}
    return Moderated(
        flagged=bool(verdict.flagged),
        categories={name: name in verdict.flagged for name in told},
        category_scores=dict(told),
        uncovered=[name for name in CATEGORIES if name not in told],
        action=verdict.action,
    )


def _openai(verdict: Verdict) -> Moderated:
    meant = {**OPENAI_CATEGORIES, **_unnamed(verdict)}
    scores = {name: verdict.scores.get(own) if own else None for name, own in meant.items()}
    known = {name: None if scores[name] is None else own in verdict.flagged for name, own in meant.items()}
    return Moderated(
        flagged=bool(verdict.flagged),
        categories=known,
        category_scores=scores,
        category_applied_input_types={name: [] if is_in is None else ["text"] for name, is_in in known.items()},
        uncovered=[name for name, score in scores.items() if score is None],
        action=verdict.action,
    )


def _unnamed(verdict: Verdict) -> dict[str, str]:
    """Return what the policy tells and the OpenAI API has no name for, such as personal data, under its own name."""
    named = set(OPENAI_CATEGORIES.values())
    return {own: own for own, score in verdict.scores.items() if score is not None and own not in named}


async def _classified(server: Server, model: str, texts: Sequence[str]) -> Classification:
    classifier = server.judges.classifiers.get(model)
    if classifier is None:
        known = ", ".join(server.judges.classifiers) or "none"
        message = f"no model {model!r} that tells classes apart is served here (served: {known})"
        raise Refusal(404, message, param="model", code="model_not_found")
    scores = [await asyncio.to_thread(classifier, text) for text in texts]
    results = [{"class": TargetScores(scores=dict(each))} for each in scores]
    return Classification(id=_new_id("clas"), model=model, results=results)


def _last_messages(given: Sequence[Message] | Sequence[Sequence[Message]]) -> list[Message]:
    nested = [each for each in given if not isinstance(each, Message)]
    return [messages[-1] for messages in nested] or [each for each in given if isinstance(each, Message)][-1:]


def _texts(given: object) -> list[str]:
    if isinstance(given, str):
        return [given]
    assert isinstance(given, list), "the types of requests allow nothing else"
    return [each if isinstance(each, str) else each.text for each in given]


def _new_id(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(12)}"
