"""The API as other people's software meets it: the real client, a real server, a real (tiny) model."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from ingot.infer.engine import greedy
from tests.infer.tiny_model import CONTEXT
from tests.serve.running import Counting, PacedEngine, eventually

PROMPT = "def visit(self, node):"
# How the validator would say it.
PYDANTIC = ("Input", "should", "valid", "Field", "Extra", "after validation", "instance of")
GREEDY: dict[str, Any] = {"model": "acme", "temperature": 0, "max_tokens": 12}


@pytest.fixture
def expected(engine: PacedEngine) -> str:
    """What the engine says to the prompt, without a server."""
    ids = [engine.codec.bos, *engine.codec.encode(PROMPT)]
    return engine.codec.decode(greedy(engine, ids, 12))


def test_health(address: str) -> None:
    body = httpx.get(f"{address}/health").json()
    assert body == {"status": "ok", "models": ["acme"], "active": 0, "waiting": 0}


def test_models_are_listed_and_described(client: openai.OpenAI) -> None:
    (model,) = client.models.list().data
    assert model.id == "acme"
    assert model.created == 1_700_000_000
    assert client.models.retrieve("acme").to_dict()["max_model_len"] == CONTEXT


def test_completion(client: openai.OpenAI, engine: PacedEngine, expected: str) -> None:
    answer = client.completions.create(prompt=PROMPT, **GREEDY)
    assert answer.choices[0].text == expected
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 1 + len(engine.codec.encode(PROMPT))
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12
    assert answer.system_fingerprint == "acme@2/torch/continuation"


def test_completion_of_token_ids_and_of_several_prompts(
    client: openai.OpenAI, engine: PacedEngine, expected: str
) -> None:
    ids = [engine.codec.bos, *engine.codec.encode(PROMPT)]
    assert client.completions.create(prompt=ids, **GREEDY).choices[0].text == expected
    answer = client.completions.create(prompt=[PROMPT, "import ", PROMPT], **GREEDY)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.choices[0].text == answer.choices[2].text == expected
    assert answer.choices[1].text != expected


def test_streamed_completion_equals_the_whole_one(client: openai.OpenAI, expected: str) -> None:
    pieces = list(client.completions.create(prompt=PROMPT, stream=True, **GREEDY))
    assert "".join(piece.choices[0].text for piece in pieces) == expected
    assert [piece.choices[0].finish_reason for piece in pieces] == [None] * 11 + ["length"]
    assert len({piece.id for piece in pieces}) == 1


def test_stream_with_usage(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    pieces = list(client.completions.create(prompt=PROMPT, stream=True, stream_options=options, **GREEDY))
    assert [piece.usage for piece in pieces[:-1]] == [None] * 12
    assert pieces[-1].choices == []
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.completion_tokens == 12


def test_a_base_model_continues_a_conversation_and_says_so(client: openai.OpenAI, expected: str) -> None:
    messages: Any = [{"role": "user", "content": PROMPT}]
    raw = client.chat.completions.with_raw_response.create(messages=messages, **GREEDY)
    assert raw.headers["x-ingot-mode"] == "continuation"
    answer = raw.parse()
    assert answer.choices[0].message.content == expected
    assert answer.choices[0].message.role == "assistant"
    assert answer.system_fingerprint == "acme@2/torch/continuation"


def test_streamed_chat(client: openai.OpenAI, expected: str) -> None:
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": PROMPT}]}]
    options: Any = {"include_usage": True}
    pieces = list(client.chat.completions.create(messages=messages, stream=True, stream_options=options, **GREEDY))
    assert pieces[0].choices[0].delta.role == "assistant"
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == expected
    assert pieces[-2].choices[0].finish_reason == "length"
    assert pieces[-1].usage is not None
    assert pieces[-1].usage.completion_tokens == 12


def test_stop_strings(client: openai.OpenAI, expected: str) -> None:
    stop = expected[4:7]
    answer = client.completions.create(prompt=PROMPT, stop=["never in there", stop], **GREEDY)
    assert answer.choices[0].text == expected[: expected.index(stop)]
    assert answer.choices[0].finish_reason == "stop"


def test_seed_and_n(client: openai.OpenAI) -> None:
    def texts(seed: int) -> list[str]:
        settings = {**GREEDY, "temperature": 1.0, "n": 3, "seed": seed}
        return [choice.text for choice in client.completions.create(prompt=PROMPT, **settings).choices]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert len(set(texts(1))) == 3


def test_streamed_answers_of_n_are_told_apart(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": PROMPT}]
    settings: Any = {**GREEDY, "temperature": 1.0, "n": 2, "seed": 1}
    whole = [choice.message.content for choice in client.chat.completions.create(messages=messages, **settings).choices]
    streamed = ["", ""]
    for piece in client.chat.completions.create(messages=messages, stream=True, **settings):
        streamed[piece.choices[0].index] += piece.choices[0].delta.content or ""
    assert streamed == whole


def test_log_probabilities(client: openai.OpenAI, expected: str) -> None:
    answer = client.completions.create(prompt=PROMPT, logprobs=3, **GREEDY)
    told = answer.choices[0].logprobs
    assert told is not None
    assert told.tokens is not None
    assert told.token_logprobs is not None
    assert told.top_logprobs is not None
    assert len(told.tokens) == len(told.token_logprobs) == len(told.top_logprobs) == 12
    assert all(
        len(top) == 3 and max(top.values()) == chosen
        for top, chosen in zip(told.top_logprobs, told.token_logprobs, strict=True)
    )
    assert told.text_offset is not None
    assert told.text_offset[0] == 0
    messages: Any = [{"role": "user", "content": PROMPT}]
    chat = client.chat.completions.create(messages=messages, logprobs=True, top_logprobs=2, **GREEDY)
    content = chat.choices[0].logprobs
    assert content is not None
    assert content.content is not None
    assert [one.logprob for one in content.content] == pytest.approx(told.token_logprobs)
    assert b"".join(bytes(one.bytes or []) for one in content.content).decode(errors="replace") == expected
    assert all(len(one.top_logprobs) == 2 and one.top_logprobs[0].token == one.token for one in content.content)


def test_max_completion_tokens_is_understood(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": PROMPT}]
    answer = client.chat.completions.create(model="acme", messages=messages, max_completion_tokens=3, temperature=0)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_an_answer_ends_with_the_context(client: openai.OpenAI) -> None:
    answer = client.completions.create(model="acme", prompt=PROMPT, max_tokens=10_000, temperature=0)
    assert answer.usage is not None
    assert answer.usage.total_tokens <= CONTEXT
    assert answer.choices[0].finish_reason in ("length", "stop")


def test_an_unknown_model_is_answered_with_those_there_are(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.completions.create(model="acne", prompt="x")
    assert caught.value.code == "model_not_found"
    assert "served: acme" in caught.value.message
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("acne")


def test_a_model_is_known_by_its_version_too(client: openai.OpenAI) -> None:
    assert client.completions.create(model="acme@2", prompt="x", max_tokens=1).model == "acme"


@pytest.mark.parametrize("prompt", ["word " * 200, "x" * 18_000])
def test_a_prompt_beyond_the_context_is_refused(client: openai.OpenAI, prompt: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="acme", prompt=prompt)
    assert caught.value.code == "context_length_exceeded"
    assert str(CONTEXT) in caught.value.message
    messages: Any = [{"role": "user", "content": prompt}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="acme", messages=messages)
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"n": 99}, "n"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"best_of": 4}, "best_of"),
        ({"echo": True}, "echo"),
        ({"logprobs": 21}, "logprobs"),
        ({"nonsense": 1}, "nonsense"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [10_000_000]}, "prompt"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a", 5]}, "stop"),
        ({"prompt": [True, False]}, "prompt"),
        ({"prompt": {"text": "x"}}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"model": None}, "model"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": 5.0}, "max_tokens"),
        ({"temperature": "1"}, "temperature"),
        ({"stream": "yes"}, "stream"),
        ({"stream": 1}, "stream"),
        ({"stream": True, "stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"stream": True, "stream_options": []}, "stream_options"),
        ({"n": True}, "n"),
        ({"best_of": True}, "best_of"),
        ({"echo": 0}, "echo"),
        ({"presence_penalty": False}, "presence_penalty"),
        ({"logit_bias": {"99999": 1}}, "logit_bias"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(address: str, fields: dict[str, Any], param: str) -> None:
    response = httpx.post(f"{address}/v1/completions", json={"model": "acme", "prompt": "x", **fields})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"].startswith(param)
    assert error["message"]
    assert not [word for word in PYDANTIC if word in error["message"]]


@pytest.mark.parametrize(
    "fields", [{"presence_penalty": 0.0, "frequency_penalty": 0}, {"temperature": 0}, {"best_of": 1, "echo": False}]
)
def test_what_asks_for_nothing_passes(address: str, fields: dict[str, Any]) -> None:
    body = {"model": "acme", "prompt": "x", "max_tokens": 1, "stream": False, **fields}
    assert httpx.post(f"{address}/v1/completions", json=body).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"messages": [{"role": "user", "content": "x"}], "top_logprobs": 2},
        {"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function"}]},
    ],
)
def test_chat_refuses_what_no_model_here_does(address: str, fields: dict[str, Any]) -> None:
    response = httpx.post(f"{address}/v1/chat/completions", json={"model": "acme", **fields})
    assert response.status_code == 400
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert not [word for word in PYDANTIC if word in error["message"]]


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/v1/completions", b"{", 400),
        ("POST", "/v1/completions", b"[]", 400),
        ("POST", "/v1/completions", b"", 400),
        ("POST", "/v1/completions", b"[" * 9000, 400),
        ("POST", "/v1/completions", b'{"model": "\xff"}', 400),
        ("POST", "/v1/completions", b'{"model": "acme", "prompt": "x", "half \\ud83d": 1}', 400),
        ("POST", "/v1/completions", b'{"model": "acme", "prompt": "' + b"x" * 30_000 + b'"}', 413),
        ("GET", "/v1/completions", b"", 405),
        ("GET", "/v1/nowhere", b"", 404),
    ],
)
def test_everything_that_goes_wrong_has_one_shape(
    address: str, method: str, path: str, content: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/json"}
    response = httpx.request(method, f"{address}{path}", content=content, headers=headers)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert not [word for word in (*PYDANTIC, "There was an error") if word in error["message"]]


def test_usage_is_counted(client: openai.OpenAI, meter: Counting) -> None:
    meter.records.clear()
    answer = client.completions.create(prompt=PROMPT, **GREEDY)
    assert answer.usage is not None
    eventually(lambda: len(meter.records) == 1)  # counted once the last byte is sent
    (usage,) = meter.records
    assert (usage.principal, usage.model) == ("local", "acme@2")
    assert usage.prompt_tokens == answer.usage.prompt_tokens
    assert usage.completion_tokens == 12
