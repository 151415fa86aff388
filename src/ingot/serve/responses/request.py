"""A request of `/v1/responses` is a conversation in other words: its items become messages.

Source: the OpenAI API reference, responses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from ingot.serve.openai_api import ChatRequest, Labelled
from ingot.serve.refusal import Refusal
from ingot.serve.speaking import parsed
from ingot.serve.wire.chat import MOST_MESSAGES, MOST_TOOLS, FunctionName
from ingot.serve.wire.fields import Asked, MaxTokens, only, told


class InputText(Asked):
    """A part of a message."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["input_text", "output_text", "text"]
    text: str


class InputMessage(Asked):
    """A message; an earlier answer can be sent as it came."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["message"] = "message"
    role: Literal["system", "developer", "user", "assistant"]
    content: Annotated[str | list[InputText], told("a string or a list of text parts, as models here read text")]


class CallMade(Asked):
    """A call that the model made before."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str


class CallOutput(Asked):
    """What a call came to."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function_call_output"]
    call_id: str
    output: Annotated[str | list[InputText], told("a string or a list of text parts")]


class FunctionTool(Asked):
    """A function the model may call."""

    type: Literal["function"]
    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NamedTool(Asked):
    """The function that must be called."""

    type: Literal["function"]
    name: str


class TextFormat(Asked):
    """The form of the answer."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")


class TextSettings(Asked):
    """How the answer is written."""

    format: TextFormat | None = None
    verbosity: None = None


Item = InputMessage | CallMade | CallOutput


class ResponseRequest(Labelled):
    """`POST /v1/responses`."""

    model: str
    input: Annotated[
        str | Annotated[list[Item], Field(min_length=1, max_length=MOST_MESSAGES)],
        told("a string, or a list of messages, function calls and their outputs"),
    ]
    instructions: str | None = None
    previous_response_id: str | None = None
    tools: list[FunctionTool] | None = Field(None, max_length=MOST_TOOLS)
    tool_choice: Annotated[
        Literal["none", "auto", "required"] | NamedTool | None,
        told('"none", "auto", "required" or {"type": "function", "name": "..."}'),
    ] = None
    parallel_tool_calls: bool | None = None
    text: TextSettings | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_output_tokens: MaxTokens | None = None
    stream: bool | None = None
    metadata: dict[str, str] | None = None
    prompt_cache_key: str | None = None
    truncation: Annotated[str, only("disabled")] | None = None
    background: Annotated[bool, only(False)] | None = None
    include: Annotated[list[str], only([])] | None = None
    top_logprobs: Annotated[int, only(0)] | None = None


def messages_of(request: ResponseRequest) -> list[dict[str, Any]]:
    """Return the input as messages of a chat."""
    if isinstance(request.input, str):
        return [{"role": "user", "content": request.input}]
    messages: list[dict[str, Any]] = []
    for item in request.input:
        if isinstance(item, CallMade):
            call = {"id": item.call_id, "function": {"name": item.name, "arguments": item.arguments}}
            add_call(messages, call)
        elif isinstance(item, CallOutput):
            messages.append({"role": "tool", "tool_call_id": item.call_id, "content": _text(item.output)})
        else:
            messages.append({"role": item.role, "content": _text(item.content)})
    return messages


def add_call(messages: list[dict[str, Any]], call: Mapping[str, Any]) -> None:
    """Add a call to the turn of the assistant that ends the messages, or to a new one."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1] = {**messages[-1], "tool_calls": [*messages[-1].get("tool_calls", []), call]}


def as_chat(request: ResponseRequest, messages: Sequence[Mapping[str, Any]]) -> ChatRequest:
    """Return the chat that a request asks for. Raises Refusal for what a chat cannot be asked."""
    system = [{"role": "system", "content": request.instructions}] if request.instructions else []
    tools = [{"type": "function", "function": tool.model_dump(exclude={"type"})} for tool in request.tools or []]
    choice = request.tool_choice
    named = {"type": "function", "function": {"name": choice.name}} if isinstance(choice, NamedTool) else choice
    body = {
        "model": request.model,
        "messages": [*system, *messages],
        "tools": tools or None,
        "tool_choice": named,
        "parallel_tool_calls": request.parallel_tool_calls,
        "response_format": _form(request),
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_completion_tokens": request.max_output_tokens,
        "stream": request.stream,
    }
    return parsed(body, ChatRequest)


def _form(request: ResponseRequest) -> dict[str, Any] | None:
    form = request.text.format if request.text is not None else None
    if form is None or form.type != "json_schema":
        return None if form is None else {"type": form.type}
    if form.name is None or form.schema_ is None:
        message = "text.format of the type json_schema needs name and schema"
        raise Refusal(400, message, param="text.format", code="missing_required_parameter")
    return {"type": "json_schema", "json_schema": {"name": form.name, "schema": form.schema_, "strict": form.strict}}


def _text(content: str | list[InputText]) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)
