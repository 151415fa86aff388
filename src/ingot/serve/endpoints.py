"""The paths that answer with text: what a body to them is, what it asks, and how the answer is told.

Requests come to them over HTTP, and from the lines of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from ingot.serve import mistral_api, openai_api
from ingot.serve.answers.chat import ChatVoice
from ingot.serve.answers.completion import CompletionVoice
from ingot.serve.answers.voice import Voice
from ingot.serve.asks.asked import Asked
from ingot.serve.asks.chat import from_chat
from ingot.serve.asks.completion import from_completion, from_fim
from ingot.serve.dialect import Dialect
from ingot.serve.ports import ServedModel


@dataclass(frozen=True)
class Endpoint:
    """One path: the types of its body by API, from such a body to what is asked, and the voice that answers."""

    bodies: Mapping[str, type[BaseModel]]
    asks: Callable[[Any, ServedModel], Asked]
    voice: Callable[[Asked, Dialect], Voice]


async def asked_by(asks: Callable[[Any, ServedModel], Asked], body: BaseModel, model: ServedModel) -> Asked:
    """Return what a body asks a model. Schemas are waited for in a thread, so that nobody else waits for them."""
    if getattr(body, "tools", None) or getattr(body, "response_format", None):
        return await run_in_threadpool(asks, body, model)
    return asks(body, model)


CHAT, COMPLETIONS, FIM = "/v1/chat/completions", "/v1/completions", "/v1/fim/completions"
EMBEDDINGS = "/v1/embeddings"

ENDPOINTS: Mapping[str, Endpoint] = {
    CHAT: Endpoint({"openai": openai_api.ChatRequest, "mistral": mistral_api.ChatRequest}, from_chat, ChatVoice),
    COMPLETIONS: Endpoint({"openai": openai_api.CompletionRequest}, from_completion, CompletionVoice),
    FIM: Endpoint({"mistral": mistral_api.FimRequest}, from_fim, partial(ChatVoice, prefix="fim")),
}
