"""Answers held to a form, by the reference engine with drawn weights: it has learned nothing, and still fits."""

# Answers are unions in the clients' types; a test knows which member it gets, hence the ignored codes below.
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from mistralai.client import Mistral

from ingot.serve.app import create_app
from ingot.serve.local.keys import Anybody
from ingot.serve.local.models import OneModel
from ingot.serve.local.store import FolderStore
from tests.infer.tiny_model import make_model
from tests.serve.running import Counting, PacedEngine, listening, served

ASK: Any = [{"role": "user", "content": "x"}]
CITY = {
    "type": "object",
    "properties": {"city": {"enum": ["Oslo", "Rome"]}},
    "required": ["city"],
    "additionalProperties": False,
}
TREE = {
    "type": "object",
    "properties": {"unit": {"$ref": "#/$defs/unit"}},
    "required": ["unit"],
    "additionalProperties": False,
    "$defs": {"unit": {"enum": ["C", "F"]}},
}


def tool(name: str, parameters: dict[str, Any]) -> Any:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS: Any = [tool("weather", CITY), tool("convert", TREE)]


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> PacedEngine:
    engine = PacedEngine(make_model(tmp_path_factory.mktemp("wide") / "tiny"))
    engine.context = 600  # its weights are drawn, so it reads positions it never saw as badly as any other
    return engine


@pytest.fixture(scope="module", params=["base", "chat"])
def forced(wide: PacedEngine, store: FolderStore, request: pytest.FixtureRequest) -> Iterator[str]:
    app = create_app(OneModel(served(wide, request.param)), Anybody(), Counting(), store)
    with listening(app) as address:
        yield address


@pytest.fixture
def their(forced: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{forced}/v1", api_key="none", max_retries=0, timeout=60) as client:
        yield client


def schema_of(name: str) -> Any:
    schema = {"weather": CITY, "convert": TREE}[name]
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": True}}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_answer_follows_its_schema(their: openai.OpenAI, seed: int) -> None:
    for name, key in (("weather", "city"), ("convert", "unit")):
        answer = their.chat.completions.create(
            model="acme", messages=ASK, response_format=schema_of(name), seed=seed, max_tokens=60
        )
        choice = answer.choices[0]
        assert choice.finish_reason == "stop"
        assert json.loads(choice.message.content or "")[key] in ("Oslo", "Rome", "C", "F")


def test_a_streamed_answer_follows_it_too(their: openai.OpenAI) -> None:
    pieces = their.chat.completions.create(
        model="acme", messages=ASK, response_format=schema_of("weather"), stream=True, max_tokens=60
    )
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert json.loads(text)["city"] in ("Oslo", "Rome")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "convert"}}])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_forced_call_is_always_one(their: openai.OpenAI, choice: Any, seed: int) -> None:
    answer = their.chat.completions.create(
        model="acme", messages=ASK, tools=TOOLS, tool_choice=choice, seed=seed, max_tokens=60
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    (call,) = answer.choices[0].message.tool_calls or []
    arguments = json.loads(call.function.arguments)  # type: ignore[union-attr]
    if choice != "required":
        assert call.function.name == "convert"  # type: ignore[union-attr]
    assert arguments.get("city", "Oslo") in ("Oslo", "Rome")
    assert arguments.get("unit", "C") in ("C", "F")


@pytest.mark.parametrize("seed", [1, 2])
def test_schemas_of_several_drafts_stand_beside_one_another(their: openai.OpenAI, seed: int) -> None:
    seventh = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"pair": {"type": "array", "items": [{"$ref": "#/definitions/one"}], "additionalItems": False}},
        "required": ["pair"],
        "definitions": {"one": {"const": "seventh"}},
    }
    fourth = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "id": "http://example.org/count",
        "type": "object",
        "properties": {"count": {"$ref": "#/definitions/one"}},
        "required": ["count"],
        "definitions": {"one": {"type": "integer", "minimum": 3, "exclusiveMinimum": True, "maximum": 4}},
    }
    tools: Any = [tool("a", seventh), tool("b", fourth)]
    answer = their.chat.completions.create(
        model="acme", messages=ASK, tools=tools, tool_choice="required", seed=seed, max_tokens=80
    )
    (call,) = answer.choices[0].message.tool_calls or []
    arguments = json.loads(call.function.arguments)  # type: ignore[union-attr]
    assert arguments in ({"pair": ["seventh"]}, {"pair": []}, {"count": 4})


def test_mistral_says_any(forced: str) -> None:
    with Mistral(api_key="none", server_url=forced) as client:
        answer = client.chat.complete(
            model="acme", messages=ASK, tools=TOOLS, tool_choice="any", random_seed=3, max_tokens=60
        )
        assert answer.choices[0].finish_reason == "tool_calls"
        with client.chat.stream(
            model="acme", messages=ASK, tools=TOOLS, tool_choice="any", random_seed=3, max_tokens=60
        ) as stream:
            chunks = [event.data for event in stream]
    calls: list[Any] = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert [call.function.name for call in calls] == [answer.choices[0].message.tool_calls[0].function.name]  # type: ignore[union-attr, index]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_half_a_call_is_none(their: openai.OpenAI) -> None:
    answer = their.chat.completions.create(
        model="acme", messages=ASK, tools=TOOLS, tool_choice="required", max_tokens=2
    )
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.tool_calls is None


def test_a_base_model_is_not_left_to_choose(address: str) -> None:
    body = {"model": "acme", "messages": ASK, "tools": TOOLS}
    refusal = httpx.post(f"{address}/v1/chat/completions", json=body)
    assert refusal.status_code == 400
    assert "required" in refusal.json()["error"]["message"]


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"$ref": "https://example.com/x.json"}, ""),
        ({"$ref": "#"}, ""),
        ({"type": "object", "properties": {"a": {"contains": {"type": "string"}}}}, "/properties/a/contains"),
        ({"type": "array", "items": {}, "uniqueItems": True}, "/uniqueItems"),
        ({"type": "string", "pattern": r"(?=x)y"}, "/pattern"),
    ],
)
def test_a_schema_that_cannot_be_followed_is_refused_at_its_place(
    forced: str, wide: PacedEngine, schema: dict[str, Any], place: str
) -> None:
    wide.order.clear()
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    refusal = httpx.post(
        f"{forced}/v1/chat/completions", json={"model": "acme", "messages": ASK, "response_format": form}
    )
    assert refusal.status_code == 400, refusal.text
    error = refusal.json()["error"]
    assert error["code"] == "invalid_schema"
    assert place in error["param"]
    assert not wide.order
