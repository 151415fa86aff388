"""Talk to the model that was built: in the terminal, and over HTTP with the client everybody uses."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator

import httpx
import openai
import pytest

from tests.journeys.conftest import INGOT, Ingot


@pytest.fixture(scope="module")
def address(built: Ingot) -> Iterator[str]:
    """The address of `ingot serve acme`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [INGOT, "serve", "acme", "--port", str(port), "--home", str(built.home)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_until_healthy(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_until_healthy(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server never became healthy")


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_chat_answers_once_and_says_it_continues(built: Ingot) -> None:
    done = built("chat", "acme", "--prompt", "import json", "--max-tokens", "12", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("import json")
    again = built("chat", "acme", "--prompt", "import json", "--max-tokens", "12", "--seed", "1", "--json")
    assert json.loads(again.stdout)["answer"]


def test_chat_holds_a_conversation(built: Ingot) -> None:
    command = [INGOT, "chat", "acme", "--max-tokens", "5", "--home", str(built.home)]
    spoken = "def read(\n/more\n/temperature 0.1\n/nonsense\n/quit\n"
    done = subprocess.run(command, input=spoken, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "base model: it continues" in done.stdout
    assert done.stdout.count("tokens/s)") == 2


def test_chat_with_a_model_that_is_not_there(built: Ingot) -> None:
    done = built("chat", "acne")
    assert done.returncode == 2
    assert "acme" in done.stderr


def test_the_official_client_lists_and_completes(client: openai.OpenAI) -> None:
    assert next(iter(client.models.list())).id.startswith("acme")
    answer = client.completions.create(model="acme", prompt="import ", max_tokens=8, temperature=0)
    assert answer.choices[0].text
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= 8


def test_the_official_client_streams_a_chat(client: openai.OpenAI) -> None:
    messages = [{"role": "user", "content": "class Reader:"}]
    whole = client.chat.completions.create(model="acme", messages=messages, max_tokens=10, temperature=0)
    stream = client.chat.completions.create(model="acme", messages=messages, max_tokens=10, temperature=0, stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(pieces) == whole.choices[0].message.content


def test_an_unknown_model_is_a_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="nothing", prompt="x")
