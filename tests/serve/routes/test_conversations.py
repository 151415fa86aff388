# Answers are unions in the clients' types; a test knows which member it gets, hence the ignored codes below.
from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from mistralai.client import Mistral, errors

from ingot.tokenizer.chat import render
from tests.serve.scripted import ScriptedEngine

TOOL: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


@pytest.fixture(autouse=True)
def fresh(scripted: ScriptedEngine) -> None:
    scripted.asked.clear()
    scripted.script = "Hello.<|im_end|>"


def asked(scripted: ScriptedEngine) -> list[int]:
    return list(scripted.asked[-1][0])


def test_a_conversation_is_begun_gone_on_with_and_begun_again(as_mistral: Mistral, scripted: ScriptedEngine) -> None:
    talks = as_mistral.beta.conversations
    first = talks.start(model="acme", inputs="Hi", instructions="Be brief.")
    assert first.outputs[0].content == "Hello."  # type: ignore[union-attr]
    scripted.script = "Fine.<|im_end|>"
    talks.append(conversation_id=first.conversation_id, inputs="How are you?")
    talk = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "How are you?"},
    ]
    assert asked(scripted) == render(talk, scripted.codec, add_generation_prompt=True).ids
    entries: list[Any] = talks.get_history(conversation_id=first.conversation_id).entries
    assert [entry.content for entry in entries] == ["Hi", "Hello.", "How are you?", "Fine."]
    again = talks.restart(
        conversation_id=first.conversation_id, from_entry_id=entries[1].id, inputs=[{"role": "user", "content": "Who?"}]
    )
    assert again.conversation_id != first.conversation_id
    talk[-1] = {"role": "user", "content": "Who?"}
    assert asked(scripted) == render(talk, scripted.codec, add_generation_prompt=True).ids
    assert len(talks.get_history(conversation_id=first.conversation_id).entries) == 4
    assert len(talks.get_messages(conversation_id=again.conversation_id).messages) == 4
    listed = [one.id for one in talks.list()]
    assert {first.conversation_id, again.conversation_id} <= set(listed)
    assert talks.get(conversation_id=first.conversation_id).model == "acme"  # type: ignore[union-attr]
    talks.delete(conversation_id=first.conversation_id)
    with pytest.raises(errors.MistralError) as caught:
        talks.append(conversation_id=first.conversation_id, inputs="?")
    assert caught.value.status_code == 404


def test_a_conversation_is_streamed_and_kept(as_mistral: Mistral) -> None:
    talks = as_mistral.beta.conversations
    with talks.start_stream(model="acme", inputs="Hi") as stream:
        events: list[Any] = list(stream)
    assert events[0].event == "conversation.response.started"
    assert events[-1].event == "conversation.response.done"
    text = "".join(event.data.content for event in events if event.event == "message.output.delta")
    assert text == "Hello."
    assert events[-1].data.usage.completion_tokens
    kept = talks.get_history(conversation_id=events[0].data.conversation_id).entries
    assert len(kept) == 2


def test_what_is_not_to_be_kept_is_not(as_mistral: Mistral) -> None:
    talks = as_mistral.beta.conversations
    made = talks.start(model="acme", inputs="Hi", store=False)
    with pytest.raises(errors.MistralError):
        talks.get(conversation_id=made.conversation_id)


def test_a_call_and_its_result(as_mistral: Mistral, scripted: ScriptedEngine) -> None:
    scripted.script = '<tool_call>{"name": "weather", "arguments": {"city": "Oslo"}}</tool_call><|im_end|>'
    talks = as_mistral.beta.conversations
    made = talks.start(model="acme", inputs="Oslo?", tools=[TOOL])
    (call,) = made.outputs
    assert json.loads(call.arguments) == {"city": "Oslo"}  # type: ignore[union-attr, arg-type]
    scripted.script = "Cold.<|im_end|>"
    result: Any = [{"type": "function.result", "tool_call_id": call.tool_call_id, "result": "-4"}]  # type: ignore[union-attr]
    answer: Any = talks.append(conversation_id=made.conversation_id, inputs=result)
    assert answer.outputs[0].content == "Cold."


def test_an_agent_and_its_versions(as_mistral: Mistral, scripted: ScriptedEngine) -> None:
    agents = as_mistral.beta.agents
    agent = agents.create(model="acme", name="Ada", instructions="Be brief.", completion_args={"temperature": 0.5})
    assert (agent.version, agent.versions) == (0, [0])
    changed = agents.update(agent_id=agent.id, instructions="Be kind.")
    assert (changed.version, changed.instructions, changed.name) == (1, "Be kind.", "Ada")
    talks = as_mistral.beta.conversations
    talks.start(agent_id=agent.id, inputs="Hi")
    assert scripted.codec.decode(asked(scripted)).startswith("system\nBe kind.")
    assert scripted.asked[-1][1].temperature == 0.5
    talks.start(agent_id=agent.id, agent_version=0, inputs="Hi")
    assert scripted.codec.decode(asked(scripted)).startswith("system\nBe brief.")
    agents.create_version_alias(agent_id=agent.id, alias="first", version=0)
    made = talks.start(agent_id=agent.id, agent_version="first", inputs="Hi", completion_args={"temperature": 0.1})
    assert scripted.codec.decode(asked(scripted)).startswith("system\nBe brief.")
    assert scripted.asked[-1][1].temperature == 0.1
    assert talks.get(conversation_id=made.conversation_id).agent_version == 0  # type: ignore[union-attr]
    assert [one.alias for one in agents.list_version_aliases(agent_id=agent.id)] == ["first"]
    assert agents.update_version(agent_id=agent.id, version=0).version == 0
    assert [one.version for one in agents.list_versions(agent_id=agent.id)] == [1, 0]
    assert agents.get_version(agent_id=agent.id, version="first").instructions == "Be brief."
    agents.delete_version_alias(agent_id=agent.id, alias="first")
    second = agents.create(model="acme", name="Bob")
    listed = []
    page = agents.list_pages(page_size=1)
    while page is not None:
        listed += [one.id for one in page.result.data]
        page = page.next()
    assert {agent.id, second.id} <= set(listed)
    agents.delete(agent_id=agent.id)
    with pytest.raises(errors.MistralError):
        agents.get(agent_id=agent.id)


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/v1/conversations", {"inputs": "x"}, 400),
        ("/v1/conversations", {"inputs": "x", "model": "acme", "agent_id": "ag_0"}, 400),
        ("/v1/conversations", {"inputs": "x", "agent_id": "ag_0"}, 404),
        ("/v1/conversations", {"inputs": "x", "model": "acne"}, 400),
        ("/v1/conversations", {"inputs": "", "model": "acme"}, 400),
        ("/v1/conversations", {"inputs": "x", "model": "acme", "tools": [{"type": "web_search"}]}, 422),
        ("/v1/conversations", {"inputs": "x", "model": "acme", "completion_args": {"temperature": 9}}, 422),
        ("/v1/agents", {"model": "acme"}, 422),
        ("/v1/agents", {"model": "acne", "name": "x"}, 400),
        ("/v1/agents", {"model": "acme", "name": "x", "handoffs": ["ag_1"]}, 422),
    ],
)
def test_refused_before_any_work(
    chat_address: str, scripted: ScriptedEngine, path: str, fields: dict[str, Any], status: int
) -> None:
    refusal = httpx.post(f"{chat_address}{path}", json=fields)
    assert refusal.status_code == status, refusal.text
    assert "detail" in refusal.json() or refusal.json()["object"] == "error"
    assert not scripted.asked
