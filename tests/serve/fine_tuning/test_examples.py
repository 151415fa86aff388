"""Training files are read as the template will, or refused with the line, the field and the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingot.serve.fine_tuning.examples import examples
from ingot.serve.refusal import Refusal

USER = {"role": "user", "content": "say 1"}
ANSWER = {"role": "assistant", "content": "one"}
CALL = {"id": "a", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}, "strict": True}}


def read(tmp_path: Path, *lines: object, fewest: int = 1) -> list[dict[str, Any]]:
    path = tmp_path / "talks.jsonl"
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines))
    return list(examples(path, "training_file", fewest))


def test_a_conversation_reads_as_it_would_in_a_request(tmp_path: Path) -> None:
    talk = {
        "messages": [
            {"role": "developer", "content": [{"type": "text", "text": "be "}, {"type": "text", "text": "short"}]},
            USER,
            {"role": "assistant", "content": None, "tool_calls": [CALL], "weight": 1},
            {"role": "tool", "tool_call_id": "a", "content": "2"},
            ANSWER,
        ],
        "tools": [TOOL],
        "parallel_tool_calls": False,
    }
    (made,) = read(tmp_path, "", talk, "")
    assert [message["role"] for message in made["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert made["messages"][0]["content"] == "be short"
    assert made["messages"][2]["tool_calls"] == [{"name": "add", "arguments": '{"a": 1}'}]
    assert made["tools"] == [{"name": "add", "parameters": {"type": "object"}}]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("[]", "line 2"),
        ('{"messages": NaN}', "not JSON"),
        ({"prompt": "a", "completion": "b"}, "messages is missing"),
        ({"messages": []}, "messages must be a list of at least 1"),
        ({"messages": [USER, {"role": "bot", "content": "x"}]}, "messages[1].role must be"),
        ({"messages": [{"role": "user", "content": 3}, ANSWER]}, "messages[0].content must be"),
        ({"messages": [USER, {"role": "assistant"}]}, "messages[1].content is missing"),
        ({"messages": [USER]}, "messages[0].role must be assistant"),
        ({"messages": [USER, {**ANSWER, "weight": 0}, USER, ANSWER]}, "messages[1].weight must be 1"),
        ({"messages": [USER, ANSWER], "functions": []}, "functions is not a parameter"),
        (
            {"messages": [USER, {**ANSWER, "tool_calls": [{"function": {"name": "add", "arguments": "[1]"}}]}]},
            "messages[1].tool_calls[0].function.arguments must be one JSON object",
        ),
        ({"messages": [USER, {"role": "tool", "tool_call_id": "b", "content": "2"}, ANSWER]}, "tool_call_id"),
        (json.dumps({"messages": [USER, ANSWER]}).replace("one", "\\ud800"), "line 2"),
    ],
)
def test_the_first_line_that_is_none_is_told(tmp_path: Path, line: object, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(tmp_path, {"messages": [USER, ANSWER]}, line)
    assert caught.value.message.startswith("training_file, line 2: ")
    assert words in caught.value.message
    assert (caught.value.status, caught.value.param) == (400, "training_file")
    assert caught.value.code == "invalid_training_file"


def test_too_few_are_refused_before_the_first_is_given(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"has 1 example\(s\), but must have at least 2"):
        read(tmp_path, {"messages": [USER, ANSWER]}, fewest=2)
