"""Requests about conversations and agents. A conversation is a list of entries; to a model it is a chat.

Source: Mistral's API reference, agents and conversations (beta).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ingot.serve.mistral_api import ChatRequest
from ingot.serve.responses.request import add_call
from ingot.serve.speaking import parsed
from ingot.serve.wire.chat import MOST_MESSAGES, MOST_TOOLS, Content, Prediction, ResponseFormat, Tool, text_of
from ingot.serve.wire.fields import Asked, MaxTokens, Seed, Stop, only, told


class MessageEntry(Asked):
    """Something that was said: by a user, or by the assistant before."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["message.input", "message.output"] = "message.input"
    role: Literal["user", "assistant"] = "user"
    content: Content


class CallEntry(Asked):
    """A call that the model made before."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function.call"]
    tool_call_id: str
    name: str
    arguments: Annotated[str | dict[str, Any], told("the arguments as a JSON object, or as its text")]


class ResultEntry(Asked):
    """What a call came to."""

    model_config = ConfigDict(extra="ignore")
    type: Literal["function.result"] = "function.result"
    tool_call_id: str
    result: str


Entry = CallEntry | ResultEntry | MessageEntry
Inputs = Annotated[
    str | Annotated[list[Entry], Field(max_length=MOST_MESSAGES)],
    told("a string, or a list of messages, function calls and their results"),
]


class CompletionArgs(Asked):
    """How answers are drawn."""

    stop: Stop | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: MaxTokens | None = None
    random_seed: Seed | None = None
    prediction: Prediction | None = None
    response_format: ResponseFormat | None = None
    tool_choice: Literal["none", "auto", "any", "required"] | None = None
    reasoning_effort: Annotated[str, only("none")] | None = None


class Settings(Asked):
    """What an agent, or a conversation without one, is given; functions are the only tools."""

    model: str | None = None
    instructions: str | None = None
    tools: list[Tool] | None = Field(None, max_length=MOST_TOOLS)
    completion_args: CompletionArgs | None = None
    guardrails: Annotated[list[Any], only([])] | None = None
    name: str | None = Field(None, max_length=500)
    description: str | None = None
    metadata: dict[str, Any] | None = None


class AgentRequest(Settings):
    """`POST /v1/agents`, and `PATCH /v1/agents/{id}`."""

    handoffs: Annotated[list[str], only([])] | None = None
    deployment_chat: bool | None = None
    version_message: str | None = Field(None, max_length=500)


class Running(Asked):
    """What every request that is answered says."""

    inputs: Inputs = ""
    stream: bool | None = None
    store: bool | None = None
    handoff_execution: Literal["client", "server"] | None = None
    completion_args: CompletionArgs | None = None


class StartRequest(Settings, Running):
    """`POST /v1/conversations`: with an agent, or with a model."""

    inputs: Inputs
    agent_id: str | None = None
    agent_version: Annotated[str | int, told("a version's number or its alias")] | None = None


class AppendRequest(Running):
    """`POST /v1/conversations/{id}`."""

    tool_confirmations: Annotated[list[Any], only([])] | None = None


class RestartRequest(Running):
    """`POST /v1/conversations/{id}/restart`: go on from an entry, in a new conversation."""

    from_entry_id: str
    metadata: dict[str, Any] | None = None
    guardrails: Annotated[list[Any], only([])] | None = None
    agent_version: Annotated[str | int, told("a version's number or its alias")] | None = None


def entries_of(inputs: str | Sequence[BaseModel]) -> list[dict[str, Any]]:
    """Return inputs as entries."""
    if isinstance(inputs, str):
        return [{"type": "message.input", "role": "user", "content": inputs}] if inputs else []
    return [_entry(one) for one in inputs]


def as_chat(settings: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], request: Running) -> ChatRequest:
    """Return the chat that a conversation asks for now. Raises Refusal for what a chat cannot be asked."""
    given = settings.get("completion_args") or {}
    own = request.completion_args
    arguments = given if own is None else {**given, **own.model_dump(exclude_unset=True, by_alias=True)}
    system = [{"role": "system", "content": settings["instructions"]}] if settings.get("instructions") else []
    body = {
        "model": settings["model"],
        "messages": [*system, *_messages(entries)],
        "tools": settings.get("tools") or None,
        "stream": request.stream,
        **{name: value for name, value in arguments.items() if value is not None},
    }
    return parsed(body, ChatRequest)


def _messages(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for entry in entries:
        if entry["type"] == "function.call":
            function = {"name": entry["name"], "arguments": entry["arguments"]}
            add_call(messages, {"id": entry["tool_call_id"], "function": function})
        elif entry["type"] == "function.result":
            messages.append({"role": "tool", "tool_call_id": entry["tool_call_id"], "content": entry["result"]})
        else:
            messages.append({"role": entry["role"], "content": entry["content"]})
    return messages


def _entry(one: BaseModel) -> dict[str, Any]:
    if isinstance(one, MessageEntry):
        kind = "message.output" if one.role == "assistant" else "message.input"
        return {"type": kind, "role": one.role, "content": text_of(one.content)}
    entry = one.model_dump()
    if isinstance(entry.get("arguments"), dict):
        entry["arguments"] = json.dumps(entry["arguments"], ensure_ascii=False)
    return entry
