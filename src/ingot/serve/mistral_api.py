"""What only Mistral's API says: its fields, its errors, its model cards, its words for why an answer ended.

Source: Mistral's API reference, and the mistralai client 3.x.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ingot.serve.dialect import Dialect
from ingot.serve.ports import ModelCard
from ingot.serve.refusal import Refusal
from ingot.serve.wire.chat import ChatFields, ToolNamed
from ingot.serve.wire.fields import Asked, Sampled, Seed, only, told
from ingot.serve.wire.guardrails import Guardrails


class ChatRequest(ChatFields):
    """`POST /v1/chat/completions`."""

    random_seed: Seed | None = None
    tool_choice: Annotated[
        Literal["none", "auto", "required", "any"] | ToolNamed | None,
        told('"none", "auto", "any", "required" or {"type": "function", "function": {"name": "..."}}'),
    ] = None
    safe_prompt: Annotated[bool, only(False)] | None = None
    guardrails: Guardrails | None = None
    prompt_mode: None = None
    reasoning_effort: Annotated[str, only("none")] | None = None
    repetition_penalty: Annotated[float, only(1)] | None = None
    min_tokens: Annotated[int, only(0)] | None = None
    prompt_logprobs: Annotated[bool, only(False)] | None = None
    top_prompt_logprobs: Annotated[int, only(0)] | None = None
    service_tier: str | None = None

    @property
    def drawn_seed(self) -> int | None:
        """The seed."""
        return self.random_seed

    @property
    def includes_usage(self) -> bool:
        """A stream always ends with its usage."""
        return True


class FimRequest(Sampled):
    """`POST /v1/fim/completions`: write what stands between `prompt` and `suffix`."""

    prompt: str
    suffix: str | None = None
    random_seed: Seed | None = None
    min_tokens: Annotated[int, only(0)] | None = None

    @property
    def drawn_seed(self) -> int | None:
        """The seed."""
        return self.random_seed

    @property
    def includes_usage(self) -> bool:
        """A stream always ends with its usage."""
        return True


class EmbeddingRequest(Asked):
    """`POST /v1/embeddings`."""

    model: str
    input: Annotated[str | list[str], told("a string or a list of strings")]
    encoding_format: Literal["float", "base64"] | None = None
    output_dimension: int | None = Field(None, ge=1, lt=1 << 31)
    output_dtype: Annotated[str, only("float")] | None = None
    metadata: dict[str, Any] | None = None


_TYPES = {429: "rate_limited"}


def status(refusal: Refusal) -> int:
    """Return the HTTP status: a body that cannot be read is 422 here, and a wrong model in it 400."""
    if refusal.kind:
        return 422
    return 400 if refusal.status == 404 and refusal.param == "model" else refusal.status


def error(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal as the body of a response, or as one event of a stream."""
    if refusal.kind:
        return {"detail": [{"loc": ["body", *refusal.place], "msg": refusal.message, "type": refusal.kind}]}
    kind = "internal_server_error" if refusal.status >= 500 else _TYPES.get(refusal.status, "invalid_request_error")
    if refusal.code == "model_not_found":
        kind = "invalid_model"
    body = {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.code}
    return {"object": "error", **body}


def card(model: ModelCard) -> dict[str, Any]:
    """Return how a model is listed. Its type is `base`: `fine-tuned` belongs to models a fine-tuning job made."""
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": "ingot",
        "type": "base",
        "name": model.title or model.reference,
        "description": model.description,
        "aliases": [model.reference],
        "max_context_length": model.context,
        "capabilities": {
            "completion_chat": True,
            "completion_fim": model.fills_in,
            "function_calling": model.kind == "chat",
            "fine_tuning": False,
            "vision": False,
        },
    }


def changed_card(model: ModelCard) -> dict[str, Any]:
    """Return how a model is told that was given another name or description: in the form of a fine-tuned one."""
    told = card(model)
    return {
        **told,
        "workspace_id": "",
        "root": model.reference.partition("@")[0],
        "root_version": model.reference.partition("@")[2],
        "archived": model.is_archived,
        "job": model.run,
        "model_type": "completion",
        "capabilities": {key: value for key, value in told["capabilities"].items() if key != "vision"},
    }


class UpdateModelRequest(Asked):
    """`PATCH /v1/fine_tuning/models/{model_id}`."""

    name: Annotated[str, Field(max_length=100)] | None = None
    description: Annotated[str, Field(max_length=2000)] | None = None


DIALECT = Dialect(
    name="mistral",
    finish_reasons={
        "stop": "stop",
        "length": "length",
        "context": "model_length",
        "tool_calls": "tool_calls",
        "filtered": "error",
    },
    usage_in_last_piece=True,
    status=status,
    error=error,
    card=card,
)
