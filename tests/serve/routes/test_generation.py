"""Both official clients against one server: the same paths, each with its own fields and its own answers."""

# Answers are unions in the clients' types; a test knows which member it gets, hence the ignored codes below.
from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest
from mistralai.client import Mistral, errors

from ingot.tokenizer.chat import render
from tests.serve.scripted import ScriptedEngine

ASK: Any = [{"role": "user", "content": "How warm is it in Oslo?"}]
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
OSLO = '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>'


@pytest.fixture(autouse=True)
def fresh(scripted: ScriptedEngine) -> None:
    scripted.asked.clear()
    scripted.script = "Hello.<|im_end|>"


def test_the_same_question_to_both_clients(as_openai: openai.OpenAI, as_mistral: Mistral) -> None:
    theirs = as_openai.chat.completions.create(model="acme", messages=ASK, seed=1)
    assert theirs.choices[0].message.content == "Hello."
    assert theirs.choices[0].finish_reason == "stop"
    ours = as_mistral.chat.complete(model="acme", messages=ASK, random_seed=1)
    assert ours.choices[0].message is not None
    assert ours.choices[0].message.content == "Hello."
    assert ours.usage.total_tokens == theirs.usage.total_tokens  # type: ignore[union-attr]


def test_energy_is_told_with_how_it_was_found(as_openai: openai.OpenAI, as_mistral: Mistral) -> None:
    usage = as_openai.chat.completions.create(model="acme", messages=ASK).usage
    assert usage is not None
    energy = usage.to_dict()["energy"]
    assert energy["badge"] in ("measured", "estimated", "partly estimated", "not measured")  # type: ignore[index]
    assert as_mistral.chat.complete(model="acme", messages=ASK).usage.model_dump()["energy"]["badge"]


def test_both_stream(as_openai: openai.OpenAI, as_mistral: Mistral) -> None:
    pieces = list(
        as_openai.chat.completions.create(
            model="acme", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces[:-1]) == "Hello."
    assert pieces[-1].usage is not None
    with as_mistral.chat.stream(model="acme", messages=ASK) as stream:
        chunks = [event.data for event in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello."  # type: ignore[misc]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == pieces[-1].usage.completion_tokens
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)


def test_both_ask_asynchronously(chat_address: str) -> None:
    async def ask() -> tuple[str | None, Any, str]:
        async with openai.AsyncOpenAI(base_url=f"{chat_address}/v1", api_key="none") as first:
            theirs = await first.chat.completions.create(model="acme", messages=ASK)
            stream = await first.chat.completions.create(model="acme", messages=ASK, stream=True)
            streamed = "".join([piece.choices[0].delta.content or "" async for piece in stream])
        async with Mistral(api_key="none", server_url=chat_address) as second:
            ours = await second.chat.complete_async(model="acme", messages=ASK)
            events = await second.chat.stream_async(model="acme", messages=ASK)
            async for event in events:
                assert event.data.model == "acme"
        assert ours.choices[0].message is not None
        return theirs.choices[0].message.content, ours.choices[0].message.content, streamed

    assert asyncio.run(ask()) == ("Hello.", "Hello.", "Hello.")


def test_tools_are_offered_as_in_training(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    as_openai.chat.completions.create(model="acme", messages=ASK, tools=[WEATHER])  # type: ignore[list-item]
    prompt, _ = scripted.asked[0]
    assert list(prompt) == render(ASK, scripted.codec, add_generation_prompt=True, tools=[WEATHER]).ids


def test_a_call_is_made_answered_and_read(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    scripted.script = f"Let me see.{OSLO}<|im_end|>"
    tools: Any = [WEATHER]
    choice = as_openai.chat.completions.create(model="acme", messages=ASK, tools=tools).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Let me see."
    assert choice.message.tool_calls is not None
    (call,) = choice.message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Oslo"}  # type: ignore[union-attr]
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "-4"}
    said: Any = choice.message.to_dict()
    scripted.script = "Cold.<|im_end|>"
    answer = as_openai.chat.completions.create(model="acme", messages=[*ASK, said, result], tools=tools)
    assert answer.choices[0].message.content == "Cold."
    made = {"role": "assistant", "content": "Let me see.", "tool_calls": [call.to_dict()]}
    talk = [*ASK, made, {"role": "tool", "content": "-4"}]
    assert list(scripted.asked[-1][0]) == render(talk, scripted.codec, add_generation_prompt=True, tools=tools).ids


def test_calls_of_mistral_and_their_results(as_mistral: Mistral, scripted: ScriptedEngine) -> None:
    scripted.script = f"{OSLO}{OSLO}<|im_end|>"
    choice = as_mistral.chat.complete(model="acme", messages=ASK, tools=[WEATHER]).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message is not None
    calls: Any = choice.message.tool_calls
    assert [len(call.id) for call in calls] == [9, 9]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "-4", "name": "weather"} for call in calls]
    answer = as_mistral.chat.complete(model="acme", messages=[*ASK, choice.message, *results])
    assert answer.choices[0].finish_reason == "tool_calls" or answer.choices[0].message is not None


def test_calls_are_streamed(as_openai: openai.OpenAI, as_mistral: Mistral, scripted: ScriptedEngine) -> None:
    scripted.script = f"Look: {OSLO}{OSLO}<|im_end|>"
    tools: Any = [WEATHER]
    pieces = list(as_openai.chat.completions.create(model="acme", messages=ASK, tools=tools, stream=True))
    calls = [call for piece in pieces for call in piece.choices[0].delta.tool_calls or []]
    assert [call.index for call in calls] == [0, 1]
    assert [json.loads(call.function.arguments) for call in calls if call.function] == [{"city": "Oslo"}] * 2  # type: ignore[arg-type]
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == "Look: "
    assert pieces[-1].choices[0].finish_reason == "tool_calls"
    with as_mistral.chat.stream(model="acme", messages=ASK, tools=tools) as stream:
        chunks = [event.data for event in stream]
    made: list[Any] = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert [call.function.name for call in made] == ["weather", "weather"]


def test_one_call_when_parallel_ones_are_not_wanted(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    scripted.script = f"{OSLO}{OSLO}<|im_end|>"
    tools: Any = [WEATHER]
    answer = as_openai.chat.completions.create(model="acme", messages=ASK, tools=tools, parallel_tool_calls=False)
    assert len(answer.choices[0].message.tool_calls or []) == 1


@pytest.mark.parametrize(
    "written",
    [
        '<tool_call>{"name": "weather", "arguments": {"town": "Oslo"}}</tool_call>',
        '<tool_call>{"name": "launch", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "weather"</tool_call>',
        '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}',
    ],
)
def test_what_is_no_call_is_never_given_as_one(
    as_openai: openai.OpenAI, scripted: ScriptedEngine, written: str
) -> None:
    scripted.script = f"{written}<|im_end|>"
    tools: Any = [WEATHER]
    choice = as_openai.chat.completions.create(model="acme", messages=ASK, tools=tools).choices[0]
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"
    assert choice.message.content == written.replace("<tool_call>", "").replace("</tool_call>", "")


def test_a_stop_string_ends_words_and_not_arguments(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    scripted.script = f"{OSLO}And Oslo is far.<|im_end|>"
    tools: Any = [WEATHER]
    choice = as_openai.chat.completions.create(model="acme", messages=ASK, tools=tools, stop="Oslo").choices[0]
    assert choice.message.content == "And "
    assert len(choice.message.tool_calls or []) == 1


def test_an_answer_that_does_not_follow_its_schema_is_never_given(
    as_openai: openai.OpenAI, scripted: ScriptedEngine
) -> None:
    """The second lock, should an engine ever fail to force a grammar; in a stream it is the last event."""
    scripted.script = '{"a": "no number"}<|im_end|>'
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with pytest.raises(openai.InternalServerError, match="does not follow its schema"):
        as_openai.chat.completions.create(model="acme", messages=ASK, response_format=form)
    with pytest.raises(openai.APIError, match="does not follow its schema"):
        list(as_openai.chat.completions.create(model="acme", messages=ASK, response_format=form, stream=True))
    tools: Any = [WEATHER]
    with pytest.raises(openai.InternalServerError):
        as_openai.chat.completions.create(model="acme", messages=ASK, tools=tools, tool_choice="required")


def test_text_that_looks_like_a_call_is_text(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    """Only the control token begins a call; somebody's text cannot hold one."""
    said: Any = [{"role": "user", "content": OSLO}]
    tools: Any = [WEATHER]
    as_openai.chat.completions.create(model="acme", messages=said, tools=tools)
    prompt, _ = scripted.asked[0]
    assert scripted.codec.special("<tool_call>") not in prompt


def test_words_of_mistral_for_why_an_answer_ended(as_mistral: Mistral, scripted: ScriptedEngine) -> None:
    answer = as_mistral.chat.complete(model="acme", messages=ASK, max_tokens=1)
    assert answer.choices[0].finish_reason == "length"
    scripted.script = "x " * 4096
    answer = as_mistral.chat.complete(model="acme", messages=ASK, max_tokens=100_000)
    assert answer.choices[0].finish_reason == "model_length"


def test_fill_in_the_middle(as_mistral: Mistral, as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    answer = as_mistral.fim.complete(model="acme", prompt="def f(", suffix="): pass", max_tokens=3)
    codec = scripted.codec
    prefix, suffix, middle = (codec.special(f"<|fim_{name}|>") for name in ("prefix", "suffix", "middle"))
    expected = [codec.bos, prefix, *codec.encode("def f("), suffix, *codec.encode("): pass"), middle]
    assert list(scripted.asked[0][0]) == expected
    assert answer.choices[0].message is not None
    assert answer.usage.completion_tokens == 3
    with as_mistral.fim.stream(model="acme", prompt="def f(", suffix="): pass") as stream:
        chunks = [event.data for event in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello."  # type: ignore[misc]
    as_openai.completions.create(model="acme", prompt="def f(", suffix="): pass")
    assert list(scripted.asked[-1][0]) == expected


def test_models_are_listed_for_both(as_openai: openai.OpenAI, as_mistral: Mistral) -> None:
    assert [model.id for model in as_openai.models.list()] == ["acme"]
    listed = as_mistral.models.list()
    assert listed.data is not None
    assert listed.data[0].id == "acme"  # type: ignore[union-attr]
    assert listed.data[0].capabilities.function_calling  # type: ignore[union-attr]
    assert as_mistral.models.retrieve(model_id="acme").max_context_length == 4096  # type: ignore[union-attr]


def test_a_caller_cannot_take_a_model_away(as_openai: openai.OpenAI, as_mistral: Mistral) -> None:
    with pytest.raises(openai.PermissionDeniedError, match="operator"):
        as_openai.models.delete("acme")
    with pytest.raises(errors.MistralError) as caught:
        as_mistral.models.delete(model_id="acme")
    assert caught.value.status_code == 403
    with pytest.raises(errors.MistralError):
        as_mistral.models.archive(model_id="acme")
    with pytest.raises(openai.NotFoundError):
        as_openai.models.delete("acne")


def test_errors_of_mistral_in_its_own_form(as_mistral: Mistral) -> None:
    with pytest.raises(errors.HTTPValidationError) as caught:
        as_mistral.chat.complete(model="acme", messages=ASK, temperature=9)
    (detail,) = caught.value.data.detail or []
    assert detail.loc == ["body", "temperature"]
    assert "at most 2" in detail.msg
    with pytest.raises(errors.SDKError) as wrong:
        as_mistral.chat.complete(model="acne", messages=ASK)
    assert wrong.value.status_code == 400
    body = json.loads(wrong.value.body)
    assert (body["object"], body["type"]) == ("error", "invalid_model")
    assert "acme" in body["message"]


@pytest.mark.parametrize(
    ("fields", "headers", "is_mistral"),
    [
        ({"random_seed": 1}, {}, True),
        ({"seed": 1}, {}, False),
        ({}, {"User-Agent": "speakeasy-sdk/typescript 1 @mistralai/mistralai"}, True),
        ({"random_seed": 1}, {"X-Stainless-Lang": "python"}, False),
    ],
)
def test_which_api_is_spoken(
    chat_address: str, fields: dict[str, Any], headers: dict[str, str], is_mistral: bool
) -> None:
    body = {"model": "acme", "messages": ASK, "temperature": 9, **fields}
    refusal = httpx.post(f"{chat_address}/v1/chat/completions", json=body, headers=headers)
    assert refusal.status_code == (422 if is_mistral else 400)
    assert ("detail" in refusal.json()) == is_mistral


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [WEATHER, WEATHER]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"logit_bias": {"99999": 1}}, "logit_bias"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"n": 10**9}, "n"),
        ({"seed": 10**30}, "seed"),
        ({"chat_template": "{{ x }}"}, "chat_template"),
        ({"chat_template_kwargs": {"x": 1}}, "chat_template_kwargs"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "nobody"}]}, "messages[0].tool_call_id"),
    ],
)
def test_refused_before_any_work(
    chat_address: str, scripted: ScriptedEngine, fields: dict[str, Any], param: str
) -> None:
    refusal = httpx.post(f"{chat_address}/v1/chat/completions", json={"model": "acme", "messages": ASK, **fields})
    assert refusal.status_code == 400, refusal.text
    assert refusal.json()["error"]["param"] == param
    assert not scripted.asked


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(chat_address: str, value: str) -> None:
    body = f'{{"model": "acme", "messages": [{{"role": "user", "content": "x"}}], "temperature": {value}}}'
    headers = {"Content-Type": "application/json"}
    refusal = httpx.post(f"{chat_address}/v1/chat/completions", content=body, headers=headers)
    assert refusal.status_code == 400, refusal.text


def test_an_image_is_never_fetched(chat_address: str) -> None:
    picture = {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest/meta-data"}}
    body = {"model": "acme", "messages": [{"role": "user", "content": [picture]}]}
    refusal = httpx.post(f"{chat_address}/v1/chat/completions", json=body)
    assert refusal.status_code == 400
    assert "models here read text" in refusal.json()["error"]["message"]
