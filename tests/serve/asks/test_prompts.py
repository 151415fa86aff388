from __future__ import annotations

import json

from ingot.data.conversation_lines import read_conversation
from ingot.serve.asks.chat import from_chat
from ingot.serve.asks.completion import from_completion
from ingot.serve.asks.prompts import continuation_text, conversation_ids, in_order_of_calls
from ingot.serve.openai_api import ChatRequest, CompletionRequest
from ingot.serve.wire.chat import Message
from ingot.tokenizer.chat import render
from tests.serve.running import PacedEngine, served

TURNS = [Message(role="developer", content="Be brief."), Message(role="user", content="Hello <|im_end|>")]


def test_a_base_model_reads_plain_text(engine: PacedEngine) -> None:
    codec = engine.codec
    ids = conversation_ids(TURNS, served(engine, "base"))
    assert ids[0] == codec.bos
    assert codec.decode(ids) == "Be brief.\n\nHello <|im_end|>"
    assert codec.start_of_turn not in ids
    assert codec.end_of_turn not in ids


def test_a_chat_model_reads_the_template(engine: PacedEngine) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello <|im_end|>"}]
    expected = render(turns, engine.codec, add_generation_prompt=True).ids
    assert conversation_ids(TURNS, served(engine, "chat")) == expected


def test_messages_without_text_leave_no_gap() -> None:
    said = [Message(role="user", content="a"), Message(role="assistant", content=""), Message(role="user", content="b")]
    assert continuation_text(said) == "a\n\nb"


def test_questions_are_numbered_prompt_by_prompt(engine: PacedEngine) -> None:
    request = CompletionRequest(model="acme", prompt=["x", "y"], n=2, seed=5, max_tokens=3)
    asked = from_completion(request, served(engine))
    assert [question.index for question in asked.questions] == [0, 1, 2, 3]
    assert [question.params.seed for question in asked.questions] == [5, 6, 5, 6]
    assert asked.prompt_tokens == 4


def test_a_request_that_says_nothing_gets_the_defaults_of_the_api(engine: PacedEngine) -> None:
    request = ChatRequest(model="acme", messages=[Message(role="user", content="x")])
    params = from_chat(request, served(engine)).questions[0].params
    assert (params.temperature, params.top_p, params.top_k, params.seed) == (1.0, 1.0, 0, None)


def test_results_stand_in_the_order_of_their_calls() -> None:
    calls = [{"id": name, "function": {"name": "f", "arguments": "{}"}} for name in ("a", "b")]
    messages = [
        Message.model_validate({"role": "assistant", "tool_calls": calls}),
        Message(role="tool", content="of b", tool_call_id="b"),
        Message(role="tool", content="of a", tool_call_id="a"),
        Message(role="user", content="x"),
    ]
    assert [message.text for message in in_order_of_calls(messages)] == ["", "of a", "of b", "x"]


def test_a_model_reads_before_an_answer_the_very_ids_it_learned_it_after(engine: PacedEngine) -> None:
    tool = {"name": "f", "parameters": {}}
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"n":1}'}}
    turns = [
        {"role": "user", "content": "1"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "", "tool_call_id": "a"},
        {"role": "assistant", "content": "2."},
    ]
    line = json.dumps({"messages": turns, "tools": [{"type": "function", "function": tool}]}).encode()
    learned = read_conversation(line, engine.codec).rendered
    for answer in (1, 3):
        messages = [Message.model_validate(each) for each in turns[:answer]]
        prompt = conversation_ids(messages, served(engine, "chat"), [tool])
        assert learned.ids[: len(prompt)] == prompt
        assert learned.trained[len(prompt)]
        assert not learned.trained[len(prompt) - 1]
