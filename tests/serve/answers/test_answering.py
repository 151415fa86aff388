"""A caller that hangs up frees its slot, streamed or not; the others are served in the order they came."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import openai
import pytest

from tests.serve.running import Counting, PacedEngine, eventually

BODY: dict[str, Any] = {"model": "acme", "prompt": "class A:", "max_tokens": 40, "temperature": 0}


def health(address: str) -> dict[str, Any]:
    body: dict[str, Any] = httpx.get(f"{address}/health").json()
    return body


def test_hanging_up_a_stream_stops_the_engine(
    address: str, client: openai.OpenAI, engine: PacedEngine, meter: Counting
) -> None:
    meter.records.clear()
    allowed = engine.hold()
    allowed.release(2)
    stream = client.completions.create(stream=True, **BODY)
    next(iter(stream))
    stream.close()
    assert engine.stopped.wait(10)
    eventually(lambda: health(address)["active"] == 0)
    eventually(lambda: len(meter.records) == 1)
    assert 1 <= meter.records[0].completion_tokens <= 2


def test_hanging_up_a_whole_answer_stops_the_engine(address: str, engine: PacedEngine) -> None:
    engine.hold()
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{address}/v1/completions", json=BODY, timeout=0.3)
    assert engine.stopped.wait(10)
    eventually(lambda: health(address)["active"] == 0)


def test_the_next_answer_is_as_if_nothing_had_happened(client: openai.OpenAI, engine: PacedEngine) -> None:
    before = client.completions.create(**BODY).choices[0].text
    allowed = engine.hold()
    allowed.release(1)
    stream = client.completions.create(stream=True, **BODY)
    next(iter(stream))
    stream.close()
    assert engine.stopped.wait(10)
    engine.allowed = None
    assert client.completions.create(**BODY).choices[0].text == before


def test_waiting_requests_are_served_in_order_and_the_one_too_many_is_told(address: str, engine: PacedEngine) -> None:
    allowed = engine.hold()
    statuses: list[int] = []

    def ask(words: int) -> None:
        prompt = list(range(300, 300 + words))
        body = {**BODY, "prompt": prompt, "max_tokens": 2}
        statuses.append(httpx.post(f"{address}/v1/completions", json=body, timeout=20).status_code)

    askers = [threading.Thread(target=ask, args=(words,)) for words in (3, 4, 5)]
    for number, asker in enumerate(askers):
        asker.start()
        eventually(lambda n=number: health(address)["active"] + health(address)["waiting"] == n + 1)
    refused = httpx.post(f"{address}/v1/completions", json=BODY)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["error"]["type"] == "rate_limit_error"
    allowed.release(100)
    for asker in askers:
        asker.join()
    assert statuses == [200, 200, 200]
    assert engine.order == [3, 4, 5]


def test_one_who_stops_waiting_leaves_the_queue(address: str, engine: PacedEngine) -> None:
    allowed = engine.hold()
    first = threading.Thread(target=lambda: httpx.post(f"{address}/v1/completions", json=BODY, timeout=20))
    first.start()
    eventually(lambda: health(address)["active"] == 1)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{address}/v1/completions", json=BODY, timeout=0.3)
    eventually(lambda: health(address)["waiting"] == 0)
    allowed.release(100)
    first.join()
    assert len(engine.order) == 1
