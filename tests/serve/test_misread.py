from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from ingot.serve.misread import misread, param_at, shown
from ingot.serve.openai_api import ChatRequest, CompletionRequest
from ingot.serve.refusal import Refusal

TURN = {"role": "user", "content": "x"}


def body(request: type[BaseModel], **fields: Any) -> Refusal:
    """Return the refusal of a request with these fields."""
    with pytest.raises(ValidationError) as caught:
        request.model_validate({"model": "acme", **fields})
    return misread(caught.value.errors())


@pytest.mark.parametrize(
    ("fields", "message", "param", "code"),
    [
        ({"max_tokens": True}, "max_tokens must be a whole number, not true", "max_tokens", "invalid_type"),
        ({"stream": "yes"}, 'stream must be true or false, not "yes"', "stream", "invalid_type"),
        ({"temperature": 3}, "temperature must be at most 2, not 3", "temperature", "invalid_value"),
        ({"echo": True}, "echo must be false (no model here does more), not true", "echo", "invalid_value"),
        (
            {"max_token": 1},
            "max_token is not a parameter of this route: leave it out",
            "max_token",
            "unknown_parameter",
        ),
    ],
)
def test_a_refusal_says_what_where_and_what_to_do(fields: dict[str, Any], message: str, param: str, code: str) -> None:
    refusal = body(CompletionRequest, prompt="x", **fields)
    assert (refusal.message, refusal.param, refusal.code) == (message, param, code)


def test_a_value_of_several_types_is_told_once() -> None:
    assert body(CompletionRequest, prompt=["a", 1]).message == (
        'prompt must be a string, a list of strings, a list of token ids, or a list of such lists, not ["a", 1]'
    )


def test_what_is_missing_is_named() -> None:
    refusal = body(ChatRequest)
    assert (refusal.message, refusal.code) == ("messages is missing: add it", "missing_required_parameter")


def test_a_place_inside_is_named_as_it_is_written() -> None:
    assert body(ChatRequest, messages=[TURN, {**TURN, "role": "wizard"}]).param == "messages[1].role"
    assert body(ChatRequest, messages=[TURN, {"content": "x"}]).message == "messages[1].role is missing: add it"
    assert body(ChatRequest, messages=[{**TURN, "role": "wizard"}]).place == ("messages", 0, "role")
    assert param_at(()) is None


def test_a_long_value_is_cut() -> None:
    assert len(shown("x" * 1000)) < 80
