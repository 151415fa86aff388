"""The chat template, and which tokens of a conversation a model is trained on: this file is the only place that knows.

A conversation is `<|bos|>` and then turns `<|im_start|>role\ncontent<|im_end|>\n` (ChatML). `render` builds the ids
turn by turn, so training and serving get the same ones, and a literal `<|im_end|>` in what somebody wrote stays text.
`trained_mask` finds the same spans in ids that are there already, wherever a row of them was cut.
Tools stand between `<tools>` and `</tools>` at the end of the first system turn, one JSON object a line; a call between
`<tool_call>` and `</tool_call>` in the assistant's turn, and is learned; a result in a turn of the role `tool`. Those
marks are control tokens too, so nobody who only writes text can define a tool, make a call or pretend a result.
`TEMPLATE` says the same in Jinja for readers that render a string (transformers, vLLM, llama.cpp); a test holds the
two together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError, suggest
from ingot.tokenizer.codec import Codec

ROLES = ("system", "user", "assistant", "tool")
TOOLS, TOOLS_END = "<tools>", "</tools>"
CALL, CALL_END = "<tool_call>", "</tool_call>"
RESULT, RESULT_END = "<tool_response>", "</tool_response>"

TEMPLATE = """\
{{- bos_token -}}
{%- for message in messages -%}
{%- if message['role'] not in ['system', 'user', 'assistant', 'tool'] -%}
{{- raise_exception('unknown role: ' + message['role']) -}}
{%- endif -%}
{%- if tools and loop.first -%}
{{- '<|im_start|>system\\n' + (message['content'] if message['role'] == 'system' else '') + '<tools>' -}}
{%- for tool in tools -%}
{{- '' if loop.first else '\\n' -}}{{- (tool['function'] if 'function' in tool else tool) | tojson -}}
{%- endfor -%}
{{- '</tools><|im_end|>\\n' -}}
{%- endif -%}
{%- if message['role'] == 'tool' -%}
{{- '<|im_start|>tool\\n<tool_response>' + message['content'] + '</tool_response><|im_end|>\\n' -}}
{%- elif message['tool_calls'] -%}
{{- '<|im_start|>assistant\\n' + (message['content'] or '') -}}
{%- for call in message['tool_calls'] -%}
{%- set made = call['function'] if 'function' in call else call -%}
{{- '<tool_call>{"name": ' + (made['name'] | tojson) + ', "arguments": ' -}}
{{- (made['arguments'] if made['arguments'] is string else made['arguments'] | tojson) + '}</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- elif not (tools and loop.first and message['role'] == 'system') -%}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""

Message = Mapping[str, Any]
Tool = Mapping[str, Any]
_Span = tuple[Sequence[int], bool]
Ids = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Rendered:
    """The ids of a conversation; `trained` marks those a model learns to produce."""

    ids: list[int]
    trained: list[bool]


def render(
    messages: Sequence[Message], codec: Codec, add_generation_prompt: bool = False, tools: Sequence[Tool] = ()
) -> Rendered:
    """Return the ids of a conversation and its loss mask.

    Trained is what the assistant says, the calls it makes and the token that ends its turn; nothing else. With
    `add_generation_prompt` the ids end where the assistant begins to speak, and are a prefix of those of the same
    conversation with its answer. A tool is its `name`, `description` and `parameters`, bare or as `function` of an
    object, and so is a call with its `name` and `arguments`.
    """
    if not messages:
        raise InputError("the conversation is empty", where="messages", fix="send at least one message")
    checked = [_checked(message, position) for position, message in enumerate(messages)]
    spans: list[_Span] = [([codec.bos], False)]
    if tools:
        has_system = checked[0]["role"] == "system"
        spans += _offer(checked[0]["content"] if has_system else "", tools, codec)
        checked = checked[has_system:]
    for message in checked:
        spans += _turn(message, codec)
    if add_generation_prompt:
        spans.append(([codec.start_of_turn, *codec.encode_frame("assistant\n")], False))
    ids = [token for some, _ in spans for token in some]
    return Rendered(ids, [is_trained for some, is_trained in spans for _ in some])


def trained_mask(ids: Ids, codec: Codec) -> npt.NDArray[np.bool_]:
    """Mark in a row of ids those that `render` marks as trained.

    Control tokens never stand for text, so turns can be found in the ids alone. Before the first turn that begins
    within the row nobody knows who speaks: nothing is marked there.
    """
    is_trained = np.zeros(len(ids), dtype=np.bool_)
    opening = np.array(codec.encode_frame("assistant\n"), dtype=np.int64)
    marks = np.flatnonzero((ids == codec.start_of_turn) | (ids == codec.end_of_turn) | (ids == codec.bos))
    for place, begin in enumerate(marks.tolist()):
        said = begin + 1 + len(opening)
        if ids[begin] != codec.start_of_turn or not np.array_equal(ids[begin + 1 : said], opening):
            continue
        follows = int(marks[place + 1]) if place + 1 < len(marks) else len(ids)
        is_closed = follows < len(ids) and ids[follows] == codec.end_of_turn
        is_trained[said : follows + is_closed] = True
    return is_trained


def answer_masks(chosen: Ids, rejected: Ids, codec: Codec) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Mark in two conversations what the assistant says from the first turn on in which they differ.

    That is what a preference is about: what stands before is the same in both, and neither better nor worse.
    """
    shared = min(len(chosen), len(rejected))
    different = np.flatnonzero(chosen[:shared] != rejected[:shared])
    first = int(different[0]) if len(different) else shared
    turns = np.flatnonzero(chosen[:first] == codec.start_of_turn)
    masks = trained_mask(chosen, codec), trained_mask(rejected, codec)
    for mask in masks:
        mask[: int(turns[-1]) if len(turns) else 0] = False
    return masks


def with_marks(rendered: Rendered, codec: Codec) -> str:
    """Return a conversation for a person to read: control tokens by name, what is trained between ⟦ and ⟧."""
    names, shown = mark_names(codec), []
    for is_trained, some in groupby(zip(rendered.trained, rendered.ids, strict=True), key=lambda pair: pair[0]):
        text = _spelled([token for _, token in some], names, codec)
        shown.append(f"⟦{text}⟧" if is_trained else text)
    return "".join(shown)


def mark_names(codec: Codec) -> dict[int, str]:
    """Return the names of the control tokens that a conversation can have, by their ids."""
    marks = ("<|bos|>", "<|im_start|>", "<|im_end|>", TOOLS, TOOLS_END, CALL, CALL_END, RESULT, RESULT_END)
    return {token: name for name in marks if (token := codec.tokenizer.token_to_id(name)) is not None}


def _spelled(ids: Sequence[int], names: Mapping[int, str], codec: Codec) -> str:
    runs = groupby(ids, key=lambda token: names.get(token, ""))
    return "".join(name * len(list(run)) if name else codec.decode(run) for name, run in runs)


def stop_ids(codec: Codec) -> frozenset[int]:
    """Return the ids after which nothing more is generated: the end of a turn, and the end of a document."""
    return frozenset((codec.end_of_turn, codec.eos))


def call_text(name: str, arguments: Mapping[str, Any]) -> str:
    """Return a call as it stands between its marks.

    >>> call_text("add", {"a": 1})
    '{"name": "add", "arguments": {"a": 1}}'
    """
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)


def _offer(content: str, tools: Sequence[Tool], codec: Codec) -> Iterator[_Span]:
    listed = "\n".join(json.dumps(tool.get("function", tool), ensure_ascii=False) for tool in tools)
    yield [codec.start_of_turn, *codec.encode(f"system\n{content}")], False
    yield _marked(listed, TOOLS, TOOLS_END, codec), False
    yield [codec.end_of_turn, *codec.encode_frame("\n")], False


def _turn(message: Message, codec: Codec) -> Iterator[_Span]:
    role, content = message["role"], message["content"]
    yield [codec.start_of_turn], False
    if role == "assistant":
        # Its words are encoded apart from the header, because it writes them after a header that already stands there.
        yield codec.encode_frame("assistant\n"), False
        yield codec.encode(content), True
        for name, arguments in message["calls"]:
            yield _marked(call_text(name, arguments), CALL, CALL_END, codec), True
        yield [codec.end_of_turn], True
    elif role == "tool":
        yield codec.encode_frame("tool\n"), False
        yield [*_marked(content, RESULT, RESULT_END, codec), codec.end_of_turn], False
    else:
        # One text, as readers of the template encode it: a blank line that opens the content joins the header's.
        yield [*codec.encode(f"{role}\n{content}"), codec.end_of_turn], False
    yield codec.encode_frame("\n"), False


def _marked(text: str, before: str, after: str, codec: Codec) -> list[int]:
    return [codec.special(before), *codec.encode(text), codec.special(after)]


def _checked(message: Message, position: int) -> Message:
    role = message.get("role")
    if role not in ROLES:
        raise InputError(
            f"message {position} has the role {role!r}",
            where=f"messages[{position}].role",
            fix=suggest(str(role), ROLES),
        )
    calls = [_call(call, position) for call in message.get("tool_calls") or ()] if role == "assistant" else []
    content = message.get("content") if message.get("content") is not None or not calls else ""
    if not isinstance(content, str):
        raise InputError(
            f"message {position} has no text",
            where=f"messages[{position}].content",
            why="this model reads text only",
            fix="send the content as one string",
        )
    return {"role": role, "content": content, "calls": calls}


def _call(call: Any, position: int) -> tuple[str, Mapping[str, Any]]:
    try:
        made = call.get("function", call)
        name, arguments = made["name"], made["arguments"]
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (AttributeError, KeyError, TypeError, ValueError):
        name, arguments = None, None
    if isinstance(name, str) and isinstance(arguments, dict):
        return name, arguments
    raise InputError(
        f"message {position} has a tool call that cannot be read",
        where=f"messages[{position}].tool_calls",
        why="a call has the name of its function, and as arguments one JSON object",
        fix='write it as {"function": {"name": "...", "arguments": {...}}}',
    )
