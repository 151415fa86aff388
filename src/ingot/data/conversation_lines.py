"""One line of a file of conversations: the ids it becomes, or why it can be no example.

`{"messages": [{"role": "user", "content": "..."}, ...], "tools": [...]}`. What a person would have to mend is said in
the words of the line: who speaks under which role, where an answer is missing, what would be lost because the template
has no place for it. Nothing is mended here: guessing teaches a model what nobody wrote.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingot.core.errors import InputError
from ingot.tokenizer.chat import Rendered, render
from ingot.tokenizer.codec import Codec

# What other collections call the same roles.
_ROLES_ELSEWHERE = {
    **dict.fromkeys(("human", "prompter", "customer", "instruction"), "user"),
    **dict.fromkeys(("gpt", "bot", "model", "ai", "chatbot", "agent", "response"), "assistant"),
    **dict.fromkeys(("function", "observation", "tool_response"), "tool"),
    "developer": "system",
}
_MOST_NAMES, _LONGEST_NAME = 8, 40
_REASONING = ("reasoning_content", "reasoning", "thinking")
_FORM = 'write one conversation a line: {"messages": [{"role": "user", "content": "..."}, ...]}'


@dataclass(frozen=True)
class Conversation:
    """A line as it will be learned: its ids and mask, how often the assistant ends a turn, and who says what."""

    rendered: Rendered
    turns: int
    ended_turns: int
    messages: Sequence[Mapping[str, Any]]

    @property
    def is_unanswered(self) -> bool:
        """Say whether somebody else than the assistant has the last word, which is read and not answered."""
        return bool(self.messages[-1]["role"] != "assistant")


def read_conversation(line: bytes, codec: Codec, longest_tokens: int = 0) -> Conversation:
    """Return the conversation of a line. Raises InputError with the reason for one that cannot be learned from.

    With `longest_tokens` one that has more is refused, for a model that reads fewer never sees it whole.
    """
    example = _read(line)
    messages = _messages(example)
    for position, message in enumerate(messages):
        _check_role(message, position, messages)
        _check_answer(message, position)
    rendered = render(messages, codec, tools=example.get("tools") or ())
    if not any(rendered.trained):
        raise InputError("the assistant says nothing in it")
    if longest_tokens and len(rendered.ids) >= longest_tokens:
        raise InputError(f"it has {len(rendered.ids) + 1:,} tokens, and the longest allowed has {longest_tokens:,}")
    marked = zip(rendered.ids, rendered.trained, strict=True)
    ended = sum(is_trained and token == codec.end_of_turn for token, is_trained in marked)
    return Conversation(rendered, rendered.ids.count(codec.start_of_turn), ended, messages)


def _read(line: bytes) -> Mapping[str, Any]:
    try:
        example = json.loads(line)
    except RecursionError:
        raise InputError("it is nested too deeply to be a conversation", fix=_FORM) from None
    except ValueError as error:
        raise InputError(f"it is no JSON: {error}", fix=_FORM) from error
    if not isinstance(example, dict):
        raise InputError(f"it is {_kind(example)}, where an object is expected", fix=_FORM)
    return example


def _messages(example: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    messages = example.get("messages")
    if not isinstance(messages, list):
        what = "`messages` is missing" if messages is None else f"`messages` is {_kind(messages)}"
        raise InputError(f"{what}; the line has {_names(example)}", fix=_FORM)
    for position, message in enumerate(messages):
        if not isinstance(message, dict):
            raise InputError(f"message {position} is {_kind(message)}, where an object is expected", fix=_FORM)
    return messages


def _check_role(message: Mapping[str, Any], position: int, messages: Sequence[Mapping[str, Any]]) -> None:
    role = message.get("role")
    known = _ROLES_ELSEWHERE.get(role) if isinstance(role, str) else None
    if known:
        raise InputError(f"message {position} has the role {role!r}, which is called {known!r} here")
    if role is None and "from" in message:
        raise InputError(f"message {position} says `from` and `value`; here they are called `role` and `content`")
    if role == "tool":
        before: Mapping[str, Any] = next(
            (each for each in reversed(messages[:position]) if each.get("role") != "tool"), {}
        )
        if not (before.get("role") == "assistant" and before.get("tool_calls")):
            raise InputError(f"message {position} is the result of a tool, and the assistant has called none before it")


def _check_answer(message: Mapping[str, Any], position: int) -> None:
    if message.get("role") != "assistant":
        return
    content = message.get("content")
    if not message.get("tool_calls") and (content is None or (isinstance(content, str) and not content.strip())):
        raise InputError(f"message {position} is an answer without words: the model would learn to say nothing")
    for key in _REASONING:
        if message.get(key):
            what = f"message {position} has `{key}`, which the chat template has no place for: it would be lost"
            raise InputError(what, fix=f"put it into `content`, or take `{key}` out")


def _names(example: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name[:_LONGEST_NAME]}`" for name in sorted(example)[:_MOST_NAMES]) or "nothing"


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", dict: "an object", type(None): "null", bool: "true or false"}
    return names.get(type(value), "a number")
