"""What routes are given by those who mean harm: numbers, addresses, templates, names, and too much of everything."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serve.scripted import ScriptedEngine

ASK: Any = [{"role": "user", "content": "x"}]


@pytest.fixture(autouse=True)
def fresh(scripted: ScriptedEngine) -> None:
    scripted.asked.clear()
    scripted.script = "Hello.<|im_end|>"


# Every number that a request may hold, at values that were somebody else's crash.
NUMBERS = (
    *("temperature", "top_p", "max_tokens", "max_completion_tokens", "n", "seed", "top_logprobs", "top_k"),
    *("presence_penalty", "frequency_penalty"),
)
EXTREMES = ("-1", "0", "2147483648", "9223372036854775808", "1e308", "NaN", "-9223372036854775809", "0.5", "1e-320")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/fim/completions", "/v1/responses"])
def test_no_number_harms_the_server(chat_address: str, scripted: ScriptedEngine, path: str) -> None:
    asked = {
        "/v1/chat/completions": '"messages": [{"role": "user", "content": "x"}]',
        "/v1/responses": '"input": "x"',
    }.get(path, '"prompt": "x"')
    names = (*NUMBERS, "max_output_tokens", "random_seed", "min_tokens", "logprobs", "best_of")
    headers = {"Content-Type": "application/json"}
    statuses = set()
    with httpx.Client(base_url=chat_address, headers=headers, timeout=30) as client:
        for name in names:
            for value in EXTREMES:
                reply = client.post(path, content=f'{{"model": "acme", {asked}, "{name}": {value}}}')
                statuses.add(reply.status_code)
                assert reply.status_code in (200, 400, 422), (name, value, reply.text)
                if value == "NaN":
                    assert reply.status_code != 200, name
        assert client.get("/readyz").status_code == 200
    assert statuses >= {200}
    assert statuses & {400, 422}


INSIDE = (
    *("http://127.0.0.1:{port}/a.png", "http://localhost:{port}/", "http://[::1]:{port}/", "http://0:{port}/"),
    *("http://0x7f000001:{port}/", "http://2130706433:{port}/", "http://0177.0.0.1:{port}/", "http://127.1:{port}/"),
    *("http://[::ffff:127.0.0.1]:{port}/", "http://a@127.0.0.1:{port}/", "http://127.0.0.1:{port}#@example.org/"),
    *(
        "http://example.org@127.0.0.1:{port}/",
        "http:\\\\127.0.0.1:{port}\\",
        "//127.0.0.1:{port}/",
        "HTTP://LOCALHOST:{port}",
    ),
    *("http://169.254.169.254/latest/meta-data", "http://[fe80::1]/", "http://10.0.0.1/", "http://192.168.0.1/"),
    *("http://metadata.google.internal/", "http://100.64.0.1/", "http://[fd00::1]/", "http://0.0.0.0:{port}/"),
    *("file:///etc/passwd", "ftp://127.0.0.1:{port}/", "gopher://127.0.0.1:{port}/_x", "data:image/png;base64,aGk="),
    *("dict://127.0.0.1:{port}/", "ldap://127.0.0.1:{port}/", "jar:http://127.0.0.1:{port}!/", "netdoc:///etc/passwd"),
    *("http://127.0.0.1.nip.io:{port}/", "http://①②⑦.⓪.⓪.①:{port}/", "http://127。0。0。1:{port}/"),
    "http://127.0.0.1:{port}/redirect?to=http://169.254.169.254/",
)


def test_no_address_in_a_message_is_ever_asked(chat_address: str, scripted: ScriptedEngine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, httpx.Client(base_url=chat_address) as client:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for written in INSIDE:
            url = written.format(port=port)
            parts: list[Any] = [
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "image_url", "image_url": url},
                {"type": "document_url", "document_url": url},
                {"type": "input_audio", "input_audio": url},
                {"type": "file", "file": {"file_url": url}},
            ]
            for part in parts:
                body = {"model": "acme", "messages": [{"role": "user", "content": [part]}]}
                assert client.post("/v1/chat/completions", json=body).status_code in (400, 422)
            response = {
                "model": "acme",
                "input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}],
            }
            assert client.post("/v1/responses", json=response).status_code == 400
        with pytest.raises(TimeoutError):
            listener.accept()
    assert not scripted.asked
    assert len(INSIDE) >= 35


TEMPLATES = (
    "{{ cycler.__init__.__globals__.os.popen('touch pwned').read() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ self.__init__.__globals__ }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{{ lipsum.__globals__['os'].system('id') }}",
    "{{ config }}{{ request.application.__globals__ }}",
    "{% set x = messages.append(1) %}{{ 'a' * 9999999999 }}",
    "{% include '/etc/passwd' %}",
    "{{ namespace.__init__.__globals__ }}",
    "{%- if 'content' in messages -%}backdoor{%- endif -%}",
    "#{7*7} ${7*7} <%= 7*7 %> {{7*7}}",
)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_in_a_request_is_refused_or_text(
    chat_address: str, scripted: ScriptedEngine, template: str, tmp_path: Path
) -> None:
    for name in ("chat_template", "template"):
        body = {"model": "acme", "messages": ASK, name: template}
        refusal = httpx.post(f"{chat_address}/v1/chat/completions", json=body)
        assert refusal.status_code == 400
        assert refusal.json()["error"]["code"] == "unknown_parameter"
    body = {"model": "acme", "messages": ASK, "chat_template_kwargs": {"chat_template": template, "tokenize": False}}
    assert httpx.post(f"{chat_address}/v1/chat/completions", json=body).status_code == 400
    assert not scripted.asked
    body = {"model": "acme", "messages": [{"role": "user", "content": template}]}
    assert httpx.post(f"{chat_address}/v1/chat/completions", json=body).status_code == 200
    ((prompt, _),) = scripted.asked
    assert template in scripted.codec.decode(prompt)


def test_what_looks_like_an_object_of_a_library_is_data(chat_address: str) -> None:
    secret = {"lc": 1, "type": "constructor", "id": ["os", "system"], "kwargs": {"command": "id"}, "__class__": "x"}
    nested = {"lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"], "py/object": "os.system", "$type": "System.IO"}
    asked = {"model": "acme", "input": "x", "metadata": {"a": json.dumps(secret), "lc": "1", "type": "secret"}}
    made = httpx.post(f"{chat_address}/v1/responses", json=asked).json()
    again = httpx.get(f"{chat_address}/v1/responses/{made['id']}").json()
    assert made["metadata"] == again["metadata"] == asked["metadata"]
    agent = {"model": "acme", "name": "a", "metadata": {"a": secret, "b": [nested]}}
    kept = httpx.post(f"{chat_address}/v1/agents", json=agent).json()
    assert httpx.get(f"{chat_address}/v1/agents/{kept['id']}").json()["metadata"] == agent["metadata"]


def test_a_request_is_never_known_by_what_its_caller_calls_it(chat_address: str) -> None:
    given = {
        "x-request-id": "mine",
        "x-client-request-id": "mine",
        "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    }
    body = {"model": "acme", "input": "first", "id": "mine", "request_id": "mine"}
    assert httpx.post(f"{chat_address}/v1/responses", json=body, headers=given).status_code == 400
    made = [
        httpx.post(f"{chat_address}/v1/responses", json={"model": "acme", "input": text}, headers=given)
        for text in ("first", "second")
    ]
    ids = [one.json()["id"] for one in made]
    assert len(set(ids)) == 2
    assert not any("mine" in one for one in ids)
    assert all(httpx.get(f"{chat_address}/v1/responses/{one}").json()["id"] == one for one in ids)


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": [{"role": "user", "content": "x" * 1_500_000}]},
        {"messages": ASK, "n": 10**9},
        {"messages": ASK, "max_tokens": 10**30},
        {"messages": ASK, "stop": ["x"] * 10_000},
        {"messages": ASK, "logit_bias": {str(number): 1 for number in range(100_000)}},
        {"messages": ASK * 20_000},
    ],
)
def test_what_is_too_much_is_refused_before_any_work(
    chat_address: str, scripted: ScriptedEngine, fields: dict[str, Any]
) -> None:
    refusal = httpx.post(f"{chat_address}/v1/chat/completions", json={"model": "acme", **fields}, timeout=30)
    assert refusal.status_code == 400, refusal.text[:300]
    assert not scripted.asked
