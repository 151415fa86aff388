"""A line that cannot be learned from says why, in the words of the line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingot.core.errors import InputError
from ingot.data.conversation_lines import read_conversation
from ingot.tokenizer.chat import render
from ingot.tokenizer.codec import Codec
from tests.data.codecs import small_codec

ASK = {"role": "user", "content": "Who?"}
SAY = {"role": "assistant", "content": "Me."}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": {"a": 1}}]}


@pytest.fixture(scope="module")
def codec() -> Codec:
    return small_codec()


def line(*messages: Any, **more: Any) -> bytes:
    return json.dumps({"messages": list(messages), **more}).encode()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"{", "it is no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1]", "it is a list, where an object is expected"),
        (b'{"prompt": "a", "completion": "b"}', "`messages` is missing; the line has `completion`, `prompt`"),
        (b'{"messages": "hello"}', "`messages` is a text"),
        (line("hello"), "message 0 is a text"),
        (line(), "the conversation is empty"),
        (line({"role": "human", "content": "x"}, SAY), "the role 'human', which is called 'user' here"),
        (line({"from": "human", "value": "x"}), "says `from` and `value`"),
        (line({"role": "robot", "content": "x"}), "message 0 has the role 'robot'"),
        (line({"role": ["user"], "content": "x"}), "message 0 has the role"),
        (line(ASK), "the assistant says nothing in it"),
        (line(ASK, {"role": "assistant", "content": " \n"}), "message 1 is an answer without words"),
        (line(ASK, {"role": "assistant"}), "message 1 is an answer without words"),
        (line(ASK, {**SAY, "reasoning_content": "Hm."}), "has `reasoning_content`, which the chat template has no"),
        (line(ASK, {"role": "tool", "content": "1"}, SAY), "the assistant has called none before it"),
        (line(ASK, {"role": "assistant", "content": "x", "tool_calls": [{}]}), "a tool call that cannot be read"),
        (line({"role": "user", "content": [{"type": "text", "text": "x"}]}, SAY), "message 0 has no text"),
    ],
)
def test_what_is_wrong_is_said(codec: Codec, bad: bytes, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        read_conversation(bad, codec)
    assert reason in caught.value.what


def test_a_conversation_is_read_as_it_is_served(codec: Codec) -> None:
    result = {"role": "tool", "content": "2"}
    tools = [{"name": "f", "parameters": {}}]
    read = read_conversation(line(ASK, CALL, result, result, SAY, tools=tools), codec)
    assert read.rendered == render([ASK, CALL, result, result, SAY], codec, tools=tools)
    assert (read.turns, read.ended_turns, read.is_unanswered) == (6, 2, False)
    assert read_conversation(line(ASK, SAY, ASK), codec).is_unanswered


def test_a_conversation_may_be_too_long(codec: Codec) -> None:
    long = line({"role": "user", "content": "word " * 40_000}, SAY)
    size = len(read_conversation(long, codec).rendered.ids) + 1
    assert size > 40_000
    assert read_conversation(long, codec, longest_tokens=size)
    with pytest.raises(InputError, match=f"it has {size:,} tokens, and the longest allowed has 2,048"):
        read_conversation(long, codec, longest_tokens=2048)
