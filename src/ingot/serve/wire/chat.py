"""A conversation and the tools it may use, as both APIs send them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from ingot.serve.wire.fields import Asked, Penalised, told

MOST_MESSAGES = 1000
MOST_TOOLS = 128
FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_.-]{1,64}$")]


class TextPart(Asked):
    """One part of a message. Only text is read."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["text"]
    text: str


Content = Annotated[
    str | list[TextPart], told("a string or a list of parts of the type text, as models here read text")
]


def text_of(content: str | list[TextPart] | None) -> str:
    """Return what a content says."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text for part in content)


class CalledFunction(Asked):
    """The name of a function and its arguments: JSON as text, or, from clients of Mistral, the object itself."""

    name: str
    arguments: Annotated[str | dict[str, Any], told("the arguments as a JSON object, or as its text")]


class ToolCall(Asked):
    """A call that the assistant made before."""

    model_config = ConfigDict(extra="ignore")
    id: str | None = None
    type: Literal["function"] | None = None
    function: CalledFunction


class Message(Asked):
    """One message of a conversation."""

    model_config = ConfigDict(extra="ignore")
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content | None = None
    tool_calls: list[ToolCall] | None = Field(None, max_length=MOST_TOOLS)
    tool_call_id: str | None = None
    prefix: bool | None = None

    @property
    def text(self) -> str:
        return text_of(self.content)


class Function(Asked):
    """A function that the model may ask the caller to call; `parameters` is a JSON schema."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Asked):
    """A tool; functions are the only kind."""

    type: Literal["function"] = "function"
    function: Function


class FunctionNamed(Asked):
    """The function that must be called."""

    name: str


class ToolNamed(Asked):
    """The tool that must be called."""

    type: Literal["function"] = "function"
    function: FunctionNamed


class NamedSchema(Asked):
    """A JSON schema that the answer follows. It is followed whether or not `strict` asks for it."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
    description: str | None = None
    strict: bool | None = None
    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(Asked):
    """The form of the answer: free text, some JSON object, or JSON that follows a schema."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: NamedSchema | None = None


class Prediction(Asked):
    """What the answer will probably be. It could only make the answer faster, and is not used yet."""

    type: Literal["content"] = "content"
    content: Content


class ChatFields(Penalised):
    """What requests of `POST /v1/chat/completions` share in both APIs."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]
    tools: list[Tool] | None = Field(None, max_length=MOST_TOOLS)
    tool_choice: Literal["none", "auto", "required", "any"] | ToolNamed | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    prediction: Prediction | None = None
