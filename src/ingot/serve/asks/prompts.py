"""From text to token ids, within what the model can read.

A base model has never seen a chat template, so a conversation sent to it is plain text to continue: the contents of its
messages in order, a blank line between them. The answer says so in the header `X-Ingot-Mode: continuation`. A chat
model reads the conversation through the one template of `tokenizer.chat`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ingot.serve.ports import ServedModel
from ingot.serve.refusal import Refusal
from ingot.serve.wire.chat import Message
from ingot.tokenizer.chat import render

MOST_PROMPTS = 64
FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"
_ROLES = {"developer": "system"}  # the newer name for the same thing


def conversation_ids(
    messages: Sequence[Message], model: ServedModel, tools: Sequence[Mapping[str, Any]] = ()
) -> list[int]:
    """Return the ids a model reads for a conversation, by its kind. Raises Refusal when they are too many."""
    refuse_endless([*_texts(messages), *(json.dumps(tool) for tool in tools)], model, "messages")
    codec = model.engine.codec
    if model.kind == "base":
        offered = [json.dumps(tool, ensure_ascii=False) for tool in tools]
        text = "\n\n".join(filter(None, ["\n".join(offered), continuation_text(messages)]))
        return fitting([codec.bos, *codec.encode(text)], model, "messages")
    turns = [turn(message) for message in in_order_of_calls(messages)]
    return fitting(render(turns, codec, add_generation_prompt=True, tools=tools).ids, model, "messages")


def continuation_text(messages: Sequence[Message]) -> str:
    """Return a conversation as text to continue."""
    return "\n\n".join(message.text for message in messages if message.text)


def in_order_of_calls(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with the results of each turn's calls in the order of the calls.

    A model knows a result by its place alone; callers answer parallel calls in any order, and name them.
    """
    ordered: list[Message] = []
    places: dict[str, int] = {}
    for message in messages:
        if message.role == "tool":
            begin = len(ordered)
            while begin and ordered[begin - 1].role == "tool":
                begin -= 1
            results = [*ordered[begin:], message]
            ordered[begin:] = sorted(results, key=lambda one: places.get(one.tool_call_id or "", len(places)))
            continue
        places = {call.id: place for place, call in enumerate(message.tool_calls or ()) if call.id}
        ordered.append(message)
    return ordered


def several(prompt: str | list[str] | list[int] | list[list[int]]) -> list[str] | list[list[int]]:
    """Return the prompts of a field that may hold one or more. Raises Refusal for none, or too many."""
    if isinstance(prompt, str):
        return [prompt]
    if prompt and isinstance(prompt[0], int):
        return cast("list[list[int]]", [prompt])  # a list of numbers is one prompt, not several
    if not 1 <= len(prompt) <= MOST_PROMPTS:
        raise Refusal(400, f"send 1 to {MOST_PROMPTS} prompts, not {len(prompt)}", param="prompt")
    return cast("list[str] | list[list[int]]", prompt)


def prompt_ids(prompt: str | list[int], model: ServedModel, param: str = "prompt") -> list[int]:
    """Return the ids of a prompt, checked. Raises Refusal when the model has no such token, or cannot read so many."""
    codec = model.engine.codec
    if isinstance(prompt, str):
        refuse_endless([prompt], model, param)
        return fitting([codec.bos, *codec.encode(prompt)], model, param)
    if not prompt or max(prompt) >= codec.vocabulary:
        raise Refusal(400, f"token ids must be 0 to {codec.vocabulary - 1}, at least one", param=param)
    return fitting(prompt, model, param)


def middle_ids(prefix: str, suffix: str, model: ServedModel) -> list[int]:
    """Return the ids after which a model writes what stands between two texts (Bavarian et al., 2022, order PSM)."""
    if not model.fills_in:
        message = f"{model.id!r} has not learned to fill in: its vocabulary has no {FIM_MIDDLE}"
        raise Refusal(400, message, param="suffix", code="unsupported_parameter")
    refuse_endless([prefix, suffix], model, "prompt")
    codec = model.engine.codec
    before, after, between = (codec.special(name) for name in (FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE))
    ids = [codec.bos, before, *codec.encode(prefix), after, *codec.encode(suffix), between]
    return fitting(ids, model, "prompt")


def refuse_endless(texts: Sequence[str], model: ServedModel, param: str) -> None:
    """Refuse what is too long whatever it says, before spending time on tokenising it."""
    size = sum(len(text.encode("utf-8", errors="surrogatepass")) for text in texts)
    if size > model.longest_prompt_bytes:
        raise _too_long(f"{size} bytes", model, param)


def fitting(ids: list[int], model: ServedModel, param: str) -> list[int]:
    """Return the ids of a prompt that leaves room for an answer. Raises Refusal for a longer one."""
    if len(ids) >= model.engine.context:
        raise _too_long(f"{len(ids)} tokens", model, param)
    return ids


def _texts(messages: Sequence[Message]) -> list[str]:
    called = [json.dumps(call.function.arguments) for message in messages for call in message.tool_calls or ()]
    return [message.text for message in messages] + called


def turn(message: Message) -> dict[str, Any]:
    """Return a message as the template reads it."""
    calls = [call.function.model_dump() for call in message.tool_calls or ()]
    content = message.text if message.content is not None else None
    return {"role": _ROLES.get(message.role, message.role), "content": content, "tool_calls": calls}


def _too_long(size: str, model: ServedModel, param: str) -> Refusal:
    return Refusal(
        400,
        f"the {param} has {size}, but {model.id!r} reads at most {model.engine.context} tokens, answer included: "
        "send less text",
        param=param,
        code="context_length_exceeded",
    )
