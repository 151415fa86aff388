"""A request of `/v1/chat/completions` becomes questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ingot.infer.grammar import json_schema
from ingot.serve.asks.asked import Asked, Calling, check_stream, numbered, params_of
from ingot.serve.asks.forms import call_schema, calling_of, checked, schema_of
from ingot.serve.asks.prompts import conversation_ids, fitting
from ingot.serve.ports import ServedModel
from ingot.serve.refusal import Refusal
from ingot.serve.wire.chat import ChatFields, Message
from ingot.tokenizer.chat import CALL


def from_chat(request: ChatFields, model: ServedModel) -> Asked:
    """Read a conversation. Raises Refusal when it cannot be answered."""
    check_stream(request)
    check_messages(request.messages)
    if request.top_logprobs and not request.logprobs:
        raise Refusal(400, "top_logprobs needs logprobs to be true", param="top_logprobs")
    is_parallel = request.parallel_tool_calls is not False
    calling, tools = calling_of(request.tools or [], request.tool_choice, is_parallel)
    schema = None if calling is not None and calling.how == "forced" else schema_of(request.response_format)
    _check_together(calling, schema is not None, model)
    offered = [tool.function.model_dump(exclude_none=True, exclude={"strict"}) for tool in tools]
    params = params_of(request, model, request.top_logprobs or 0)
    prompt = conversation_ids(request.messages, model, offered)
    stop: tuple[str, ...] = ()
    if calling is not None:
        # The engine would also find a stop string in the arguments of a call.
        params, stop = replace(params, stop=()), params.stop
    if calling is not None and calling.how == "forced":
        params = replace(params, grammar=json_schema(checked(call_schema(calling), "tools")))
        # The answer begins as the calls do that the model learned from.
        prompt = (
            prompt if model.kind == "base" else fitting([*prompt, model.engine.codec.special(CALL)], model, "messages")
        )
    if schema is not None:
        params = replace(params, grammar=json_schema(schema), stop=())
    return Asked(
        model=model,
        questions=numbered([prompt], params, request.count),
        wants_logprobs=bool(request.logprobs),
        is_stream=bool(request.stream),
        includes_usage=request.includes_usage,
        calling=calling,
        schema=schema,
        stop=stop,
    )


def check_messages(messages: Sequence[Message]) -> None:
    """Raise Refusal for a conversation whose messages do not belong together."""
    called: set[str] = set()
    for place, message in enumerate(messages):
        if message.content is None and not (message.role == "assistant" and message.tool_calls):
            where = f"messages[{place}].content"
            raise Refusal(400, f"{where} is missing: add it", param=where, code="missing_required_parameter")
        if message.prefix:
            where = f"messages[{place}].prefix"
            message_text = f"{where} must be false (no model here begins in the middle of its turn)"
            raise Refusal(400, message_text, param=where, code="invalid_value")
        called |= {call.id for call in message.tool_calls or () if call.id}
        if message.role == "tool" and message.tool_call_id is not None and message.tool_call_id not in called:
            where = f"messages[{place}].tool_call_id"
            raise Refusal(400, f"{where}: no message before it makes the call {message.tool_call_id!r}", param=where)


def _check_together(calling: Calling | None, has_schema: bool, model: ServedModel) -> None:
    if calling is None or calling.how == "forced":
        return
    if model.kind == "base":
        raise Refusal(
            400,
            f"{model.id!r} is a base model and has not learned when to call a tool: "
            'make it call one with tool_choice "required" or the name of a tool, or leave the tools out',
            param="tools",
            code="unsupported_parameter",
        )
    if has_schema:
        raise Refusal(
            400,
            "with tools to choose from, the answer may be a call or words, and one schema cannot hold both: "
            'set tool_choice to "none" or "required", or leave out response_format',
            param="response_format",
            code="invalid_value",
        )
