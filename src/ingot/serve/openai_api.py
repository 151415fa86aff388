"""What only the OpenAI API says: its fields, its errors, its model cards, its words for why an answer ended.

Source: the OpenAI API reference, and the openai client 3.x.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ingot.serve.dialect import Dialect
from ingot.serve.ports import ModelCard
from ingot.serve.refusal import Refusal
from ingot.serve.wire.chat import ChatFields, ToolNamed
from ingot.serve.wire.fields import Asked, MaxTokens, Penalised, Prompt, Seed, StreamOptions, only, told

LogitBias = Annotated[
    dict[Annotated[str, Field(pattern=r"^[0-9]{1,9}$")], Annotated[float, Field(ge=-100, le=100)]],
    Field(max_length=300),
    told("an object of at most 300 token ids, each with a number from -100 to 100"),
]


class Labelled(Asked):
    """Fields that only label a request, or choose between offers that there is one of here."""

    user: str | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: dict[str, Any] | None = None


class ChatRequest(ChatFields, Labelled):
    """`POST /v1/chat/completions`."""

    metadata: dict[str, str] | None = None
    seed: Seed | None = None
    max_completion_tokens: MaxTokens | None = None
    logit_bias: LogitBias | None = None
    stream_options: StreamOptions | None = None
    tool_choice: Annotated[
        Literal["none", "auto", "required"] | ToolNamed | None,
        told('"none", "auto", "required" or {"type": "function", "function": {"name": "..."}}'),
    ] = None
    modalities: Annotated[list[str], only(["text"])] | None = None
    reasoning_effort: Annotated[str, only("none")] | None = None

    @property
    def longest(self) -> int | None:
        """How many tokens the answer may have: under its newer name or its older one."""
        return self.max_completion_tokens or self.max_tokens


class CompletionRequest(Penalised, Labelled):
    """`POST /v1/completions`: text, several texts, or token ids to continue; with a suffix, the middle is written."""

    prompt: Prompt
    metadata: dict[str, str] | None = None
    suffix: str | None = None
    seed: Seed | None = None
    logit_bias: LogitBias | None = None
    stream_options: StreamOptions | None = None
    logprobs: int | None = Field(None, ge=0, le=20)
    echo: Annotated[bool, only(False)] | None = None
    best_of: Annotated[int, only(1)] | None = None


class EmbeddingRequest(Asked):
    """`POST /v1/embeddings`."""

    model: str
    input: Prompt
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = Field(None, ge=1, lt=1 << 31)
    user: str | None = None


_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def error(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as the body of a response, or as one event of a stream."""
    kind = "server_error" if refusal.status >= 500 else _TYPES.get(refusal.status, "invalid_request_error")
    return {"error": {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.code}}


def card(model: ModelCard) -> dict[str, Any]:
    """Return how a model is listed."""
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "ingot",
        # What the API has no field for.
        "reference": model.reference,
        "type": model.kind,
        "max_model_len": model.context,
        "engine": model.engine,
        # As vLLM lists adapters.
        "root": model.base or model.reference,
        "parent": model.base,
        **({"name": model.title} if model.title else {}),
        **({"description": model.description} if model.description else {}),
    }


DIALECT = Dialect(
    name="openai",
    finish_reasons={
        "stop": "stop",
        "length": "length",
        "context": "length",
        "tool_calls": "tool_calls",
        "filtered": "content_filter",
    },
    usage_in_last_piece=False,
    status=lambda refusal: refusal.status,
    error=error,
    card=card,
)
