"""Answers, in the shape that both clients read. What only one of them asks for does not disturb the other."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, model_serializer


class TokenDetails(BaseModel):
    """How many of the tokens read were known already."""

    cached_tokens: int


class EnergyUsed(BaseModel):
    """Joules of this machine for this request, and how they were found: `measured`, `estimated`, ..."""

    joules: float | None
    badge: str


class Cost(BaseModel):
    """What the request costs, where a price is set."""

    amount: float
    currency: str


class WireUsage(BaseModel):
    """Tokens read and written, the energy they took, and what they cost."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: TokenDetails | None = None
    energy: EnergyUsed | None = None
    cost: Cost | None = None

    @model_serializer(mode="wrap")
    def _what_is_known(self, serialize: Any) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class CompletionLogprobs(BaseModel):
    """Log-probabilities in the form of `/v1/completions`; offsets count characters of the text."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


class CompletionChoice(BaseModel):
    """One answer, or a piece of one."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None = None
    finish_reason: str | None = None


class Reply(BaseModel):
    """What every reply has; of a stream only the last piece has usage."""

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str
    usage: WireUsage | None = None


class Completion(Reply):
    """The answer of `/v1/completions`; a stream sends the same shape in pieces."""

    object: Literal["text_completion"] = "text_completion"
    choices: list[CompletionChoice]


class TopLogprob(BaseModel):
    """A token, its log-probability, and the bytes it stands for."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    """The token that was chosen, and what else was probable."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(BaseModel):
    """Log-probabilities in the form of `/v1/chat/completions`."""

    content: list[TokenLogprob]
    refusal: None = None


class FunctionCalled(BaseModel):
    """The function to call, and its arguments as JSON text."""

    name: str
    arguments: str


class ToolCalled(BaseModel):
    """A call that the model asks for; of a stream also its number among the calls."""

    index: int | None = None
    id: str
    type: Literal["function"] = "function"
    function: FunctionCalled

    @model_serializer(mode="wrap")
    def _what_is_there(self, serialize: Any) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class AssistantMessage(BaseModel):
    """What the model said, and the calls it asks for; without words the content is null."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: None = None
    tool_calls: list[ToolCalled] | None = None

    @model_serializer(mode="wrap")
    def _what_is_there(self, serialize: Any) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name != "tool_calls" or value is not None}


class ChatChoice(BaseModel):
    """One whole answer."""

    index: int
    message: AssistantMessage
    logprobs: ChatLogprobs | None = None
    finish_reason: str


class ChatCompletion(Reply):
    """The whole answer of `/v1/chat/completions`."""

    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatChoice]


class Delta(BaseModel):
    """What a piece adds; the role comes with the first one."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    tool_calls: list[ToolCalled] | None = None

    @model_serializer(mode="wrap")
    def _what_is_there(self, serialize: Any) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class ChatChunkChoice(BaseModel):
    """A piece of one answer."""

    index: int
    delta: Delta
    logprobs: ChatLogprobs | None = None
    finish_reason: str | None = None


class ChatChunk(Reply):
    """A piece of a streamed chat answer."""

    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    choices: list[ChatChunkChoice]


class Embedding(BaseModel):
    """The vector of one text: numbers, or their bytes (float32, little-endian) in base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingList(BaseModel):
    """The answer of `/v1/embeddings`."""

    id: str
    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: WireUsage
