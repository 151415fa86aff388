# Answers are unions in the clients' types; a test knows which member it gets, hence the ignored codes below.
from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest
from mistralai.client import Mistral

from ingot.tokenizer.chat import render
from tests.serve.scripted import ScriptedEngine

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": True,
}
OSLO = '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call>'


@pytest.fixture(autouse=True)
def fresh(scripted: ScriptedEngine) -> None:
    scripted.asked.clear()
    scripted.script = "Hello.<|im_end|>"


def test_a_response_and_what_follows_it(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    first = as_openai.responses.create(model="acme", input="Hi", instructions="Be brief.")
    assert first.output_text == "Hello."
    assert first.status == "completed"
    assert first.usage is not None
    assert first.usage.total_tokens == first.usage.input_tokens + first.usage.output_tokens
    second = as_openai.responses.create(model="acme", input="And?", previous_response_id=first.id)
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    talk.append({"role": "user", "content": "And?"})
    assert list(scripted.asked[-1][0]) == render(talk, scripted.codec, add_generation_prompt=True).ids
    assert as_openai.responses.retrieve(second.id).previous_response_id == first.id
    as_openai.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        as_openai.responses.create(model="acme", input="And?", previous_response_id=first.id)


def test_a_response_that_is_not_kept(as_openai: openai.OpenAI) -> None:
    response = as_openai.responses.create(model="acme", input="Hi", store=False)
    with pytest.raises(openai.NotFoundError):
        as_openai.responses.retrieve(response.id)


def test_events_of_a_stream_in_their_order(as_openai: openai.OpenAI) -> None:
    with as_openai.responses.stream(model="acme", input="Hi") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    deltas = kinds.count("response.output_text.delta")
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        *["response.output_text.delta"] * deltas,
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert final.output_text == "Hello."
    assert as_openai.responses.retrieve(final.id).output_text == "Hello."


def test_a_call_its_result_and_the_answer(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    scripted.script = f"Look.{OSLO}<|im_end|>"
    response = as_openai.responses.create(model="acme", input="Oslo?", tools=[WEATHER])
    message, call = response.output
    assert (message.type, call.type) == ("message", "function_call")
    assert json.loads(call.arguments) == {"city": "Oslo"}  # type: ignore[union-attr]
    scripted.script = "Cold.<|im_end|>"
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "-4"}]  # type: ignore[union-attr]
    answer = as_openai.responses.create(model="acme", input=result, previous_response_id=response.id, tools=[WEATHER])
    assert answer.output_text == "Cold."
    made = [{"function": {"name": "weather", "arguments": {"city": "Oslo"}}}]
    talk: Any = [
        {"role": "user", "content": "Oslo?"},
        {"role": "assistant", "content": "Look.", "tool_calls": made},
        {"role": "tool", "content": "-4"},
    ]
    tool = {"name": "weather", "parameters": WEATHER["parameters"]}
    assert list(scripted.asked[-1][0]) == render(talk, scripted.codec, add_generation_prompt=True, tools=[tool]).ids


def test_a_streamed_call(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    scripted.script = f"{OSLO}<|im_end|>"
    with as_openai.responses.stream(model="acme", input="Oslo?", tools=[WEATHER]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.function_call_arguments.delta" in kinds
    assert [item.type for item in final.output] == ["function_call"]


def test_an_answer_that_was_cut(as_openai: openai.OpenAI, scripted: ScriptedEngine) -> None:
    scripted.script = "x " * 100
    response = as_openai.responses.create(model="acme", input="Hi", max_output_tokens=3)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


def test_asynchronously_and_by_mistral(chat_address: str) -> None:
    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=f"{chat_address}/v1", api_key="none") as client:
            stream = await client.responses.create(model="acme", input="Hi", stream=True)
            return "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])

    assert asyncio.run(ask()) == "Hello."
    with Mistral(api_key="none", server_url=chat_address) as client:
        made: Any = client.responses.create(model="acme", input="Hi")
    assert made


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://x"}]}]}, "input"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"background": True}, "background"),
        ({"previous_response_id": "resp_0"}, "id"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_refused_before_any_work(
    chat_address: str, scripted: ScriptedEngine, fields: dict[str, Any], param: str
) -> None:
    refusal = httpx.post(f"{chat_address}/v1/responses", json={"model": "acme", "input": "Hi", **fields})
    assert refusal.status_code in (400, 404), refusal.text
    assert refusal.json()["error"]["param"] == param
    assert not scripted.asked
