"""Every word of a request is found, wherever it stands; names, ids and tools are left as they are."""

from __future__ import annotations

from typing import Any

import pytest

from ingot.serve import mistral_api, openai_api
from ingot.serve.asks.texts import with_texts
from ingot.tokenizer.codec import Codec
from tests.serve.running import PacedEngine


@pytest.fixture(scope="module")
def codec(engine: PacedEngine) -> Codec:
    return engine.codec


def seen(body: Any, codec: Codec) -> dict[str, str]:
    found: dict[str, str] = {}

    def look(text: str, place: str) -> str:
        found[place] = text
        return text

    assert with_texts(body, look, codec) == body
    return found


def test_conversations(codec: Codec) -> None:
    body = openai_api.ChatRequest.model_validate(
        {
            "model": "acme",
            "user": "ann@example.org",
            "messages": [
                {"role": "system", "content": "one"},
                {"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}]},
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "x", "function": {"name": "four", "arguments": '{"a": "five"}'}}],
                },
                {"role": "tool", "tool_call_id": "x", "content": "six"},
            ],
            "tools": [{"type": "function", "function": {"name": "seven", "description": "eight"}}],
        }
    )
    assert seen(body, codec) == {
        "messages[0].content": "one",
        "messages[1].content[0].text": "two",
        "messages[1].content[1].text": "three",
        "messages[2].tool_calls[0].function.arguments": '{"a": "five"}',
        "messages[3].content": "six",
    }
    changed = with_texts(body, lambda text, _: text.upper(), codec)
    assert [message.text for message in changed.messages] == ["ONE", "TWOTHREE", "", "SIX"]
    assert body.messages[0].text == "one"


def test_arguments_as_an_object(codec: Codec) -> None:
    call = {"id": "x", "function": {"name": "send", "arguments": {"to": "ann", "list": ["bob", 3], "deep": {"x": "c"}}}}
    messages = [{"role": "assistant", "content": "", "tool_calls": [call]}]
    body = mistral_api.ChatRequest.model_validate({"model": "acme", "messages": messages})
    assert set(seen(body, codec).values()) == {"", "ann", "bob", "c"}


def test_prompts_as_text_and_as_ids(codec: Codec) -> None:
    ids = codec.encode("some text")
    for prompt in (["a", "some text"], "some text", ids, [ids]):
        body = openai_api.CompletionRequest.model_validate({"model": "acme", "prompt": prompt})
        assert "some text" in seen(body, codec).values()
    body = openai_api.CompletionRequest.model_validate({"model": "acme", "prompt": [ids]})
    assert with_texts(body, lambda text, _: text.replace("some", "[X]"), codec).prompt == ["[X] text"]
    fim = mistral_api.FimRequest.model_validate({"model": "acme", "prompt": "a", "suffix": "b"})
    assert seen(fim, codec) == {"prompt": "a", "suffix": "b"}
