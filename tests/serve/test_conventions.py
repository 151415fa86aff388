"""What OpenTelemetry's conventions name, as Prometheus reads it from a server."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import openai
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from ingot.serve.conventions import GenAi, error_type
from ingot.serve.ports import Usage
from ingot.serve.refusal import Refusal
from tests.serve.running import PacedEngine, served

LABELS = {"gen_ai_provider_name": "ingot", "gen_ai_request_model": "acme", "gen_ai_response_model": "acme@2"}


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_request_is_counted_under_its_operation(address: str, client: openai.OpenAI) -> None:
    before = samples(httpx.get(f"{address}/metrics").text)
    client.completions.create(model="acme", prompt="x", max_tokens=3)
    after = samples(httpx.get(f"{address}/metrics").text)

    def more(name: str, **labels: str) -> float:
        key = (name, frozenset({"gen_ai_operation_name": "text_completion", **LABELS, **labels}.items()))
        return after[key] - before.get(key, 0.0)

    assert more("gen_ai_server_request_duration_seconds_count", error_type="") == 1
    assert more("gen_ai_server_time_to_first_token_seconds_count") == 1
    assert more("gen_ai_server_time_per_output_token_seconds_count") == 1
    assert more("gen_ai_client_token_usage_count", gen_ai_token_type="input") == 1
    assert more("gen_ai_client_token_usage_sum", gen_ai_token_type="output") == 3
    assert more("gen_ai_client_inference_usage_output_tokens_total", gen_ai_token_modality="text") == 3


def test_a_failure_is_told_and_has_no_pace(engine: PacedEngine) -> None:
    registry = CollectorRegistry()
    counted, model, usage = GenAi(registry), served(engine), Usage("me", "acme@2", 5, 2, 0.5)
    counted.answered("chat", model, usage, 0.6, 0.1, "timeout")
    seen = samples(generate_latest(registry).decode())
    labels = {"gen_ai_operation_name": "chat", **LABELS}
    failed = ("gen_ai_server_request_duration_seconds_count", frozenset({**labels, "error_type": "timeout"}.items()))
    assert seen[failed] == 1
    assert seen["gen_ai_server_time_to_first_token_seconds_count", frozenset(labels.items())] == 0


def test_a_version_that_is_forgotten_is_told_no_more_and_may_come_back(engine: PacedEngine) -> None:
    registry = CollectorRegistry()
    counted, usage = GenAi(registry), Usage("me", "acme@2", 5, 2, 0.5)
    old, new = served(engine), replace(served(engine), reference="acme@3")
    for model in (old, new):
        counted.answered("chat", model, usage, 0.6, 0.1, "")
    counted.forget("acme@2")
    text = generate_latest(registry).decode()
    assert "acme@3" in text
    assert "acme@2" not in text
    counted.answered("chat", old, usage, 0.6, 0.1, "")
    assert "acme@2" in generate_latest(registry).decode()


def test_words_for_what_went_wrong() -> None:
    assert error_type(Refusal(503, "no")) == "503"
    assert error_type(asyncio.CancelledError()) == "cancelled"
    assert error_type(TimeoutError()) == "timeout"
    assert error_type(OSError()) == "OSError"
