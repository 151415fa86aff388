"""What goes over the wire: the requests and answers of the OpenAI API, as types.

A field that is not listed is refused, and so is a value of another type ("yes" for true, true for 1) or one that asks
for something no engine here does: an answer that silently ignored it would be wrong. Fields that only label a request
are accepted and not used.
Source: the OpenAI API reference, completions and chat completions.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_serializer,
)

FinishReason = Literal["stop", "length"]


def _told(expected: str) -> WrapValidator:
    """Say what a value of several possible types must be once, instead of once for each type."""

    def validate(value: Any, validator: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validator(value)
        except ValidationError:
            raise ValueError(expected) from None

    return WrapValidator(validate)


def _only(neutral: object) -> AfterValidator:
    """Let only the value pass that asks for nothing: no engine here does what the others ask for."""

    def validate(value: Any) -> Any:
        if value == neutral:
            return value
        raise ValueError(f"{json.dumps(neutral)} (no model here does more)")

    return AfterValidator(validate)


TokenId = Annotated[int, Field(ge=0)]
Prompt = Annotated[
    str | list[str] | list[TokenId] | list[list[TokenId]],
    _told("a string, a list of strings, a list of token ids, or a list of such lists"),
]
Stop = Annotated[
    Annotated[str, Field(min_length=1)] | Annotated[list[Annotated[str, Field(min_length=1)]], Field(max_length=16)],
    _told("a string or a list of at most 16 strings, none of them empty"),
]


class _Asked(BaseModel):
    """A part of a request: nothing in it is unknown, and nothing is converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StreamOptions(_Asked):
    """How a stream ends; `include_obfuscation` pads chunks against traffic analysis and is not done here."""

    include_usage: bool = False
    include_obfuscation: Annotated[bool, _only(False)] | None = None


class _Sampled(_Asked):
    """What both kinds of request share."""

    model: str
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=0)
    seed: int | None = None
    n: int | None = Field(None, ge=1, le=8)
    stop: Stop | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    # Not done by any engine here: only their neutral values pass.
    presence_penalty: Annotated[float, _only(0)] | None = None
    frequency_penalty: Annotated[float, _only(0)] | None = None
    logit_bias: Annotated[dict[str, float], _only({})] | None = None
    # Labels.
    user: str | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None


class CompletionRequest(_Sampled):
    """`POST /v1/completions`: text, several texts, or token ids to continue."""

    prompt: Prompt
    max_tokens: int | None = Field(None, ge=1)
    logprobs: int | None = Field(None, ge=0, le=20)
    echo: Annotated[bool, _only(False)] | None = None
    best_of: Annotated[int, _only(1)] | None = None
    suffix: Annotated[str, _only("")] | None = None


class TextPart(_Asked):
    """One part of a message. Only text is read."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["text"]
    text: str


Content = Annotated[
    str | list[TextPart], _told("a string or a list of parts of the type text, as models here read text")
]


class Message(_Asked):
    """One message of a conversation."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant"]
    content: Content

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)


class ResponseFormat(_Asked):
    """Only free text for now."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["text"]


class ChatRequest(_Sampled):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=1000)]
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    response_format: ResponseFormat | None = None
    tools: Annotated[list[object], _only([])] | None = None
    tool_choice: Literal["none", "auto"] | None = None


class WireUsage(BaseModel):
    """Tokens read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


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
    finish_reason: FinishReason | None = None


class _Reply(BaseModel):
    """What every reply has; of a stream only the last piece has usage."""

    id: str
    object: str
    created: int
    model: str
    system_fingerprint: str
    usage: WireUsage | None = None


class Completion(_Reply):
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


class AssistantMessage(BaseModel):
    """What the model said."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    """One whole answer."""

    index: int
    message: AssistantMessage
    logprobs: ChatLogprobs | None = None
    finish_reason: FinishReason


class ChatCompletion(_Reply):
    """The whole answer of `/v1/chat/completions`."""

    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatChoice]


class Delta(BaseModel):
    """What a piece adds; the role comes with the first one."""

    role: Literal["assistant"] | None = None
    content: str | None = None

    @model_serializer
    def _what_is_there(self) -> dict[str, str]:
        fields = {"role": self.role, "content": self.content}
        return {name: value for name, value in fields.items() if value is not None}


class ChatChunkChoice(BaseModel):
    """A piece of one answer."""

    index: int
    delta: Delta
    logprobs: ChatLogprobs | None = None
    finish_reason: FinishReason | None = None


class ChatChunk(_Reply):
    """A piece of a streamed chat answer."""

    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    choices: list[ChatChunkChoice]


class ModelCard(BaseModel):
    """One served model."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    # What the OpenAI API has no field for.
    reference: str
    type: str
    max_model_len: int
    engine: str


class ModelList(BaseModel):
    """Every served model."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class ErrorBody(BaseModel):
    """An error as clients of the OpenAI API read it."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ApiError(Exception):
    """A refusal with its HTTP status, told to the caller as an :class:`ErrorBody`."""

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, retry_after: int = 0
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = ErrorBody(message=message, type=_TYPES.get(status, "invalid_request_error"), param=param, code=code)
        self.headers = {"Retry-After": str(retry_after)} if retry_after else {}
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"

    def as_json(self) -> str:
        """Return the error as the body of a response, or as one event of a stream."""
        return f'{{"error":{self.body.model_dump_json()}}}'


_TYPES = {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
