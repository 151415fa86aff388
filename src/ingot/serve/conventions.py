"""The instruments of OpenTelemetry's conventions for generative AI, as Prometheus writes them.

Source: open-telemetry/semantic-conventions-genai, of November 2026: the metrics of a model server, and, for tokens,
those of a client, because a server has none. Dots become underscores, and a unit is added to the name. The conventions
are no standard yet; `gen_ai.client.token.usage` is the older way of counting tokens, which many dashboards read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Literal

from ingot.serve.instruments import CollectorRegistry, Counter, Histogram
from ingot.serve.ports import ServedModel, Usage
from ingot.serve.refusal import Refusal

Operation = Literal["chat", "text_completion", "embeddings"]

_PROVIDER = "ingot"
_VERSION = "gen_ai_response_model"
_LABELS = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", _VERSION)
# The buckets that the conventions advise.
DURATIONS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_EACH = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_TOKENS = tuple(4**power for power in range(14))


@dataclass(frozen=True)
class _Series:
    """The instruments of one operation with one version: to look them up by their labels takes longer than to count."""

    first: Histogram
    each: Histogram
    read: Histogram
    written: Histogram
    read_total: Counter
    written_total: Counter


class GenAi:
    """Counts what the conventions name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str, buckets: tuple[float, ...], *more: str) -> Histogram:
            return Histogram(f"gen_ai_{name}", text, (*_LABELS, *more), registry=registry, buckets=buckets)

        def counter(name: str, text: str) -> Counter:
            return Counter(f"gen_ai_{name}", text, (*_LABELS, "gen_ai_token_modality"), registry=registry)

        self._duration = histogram(
            "server_request_duration_seconds", "From arrival to the last byte.", DURATIONS, "error_type"
        )
        self._first = histogram("server_time_to_first_token_seconds", "From slot to first token.", _FIRST)
        self._each = histogram("server_time_per_output_token_seconds", "Per token after the first.", _EACH)
        text = "Tokens of a request: read (input) and written (output)."
        self._tokens = histogram("client_token_usage", text, _TOKENS, "gen_ai_token_type")
        self._read = counter("client_inference_usage_input_tokens", "Tokens read.")
        self._written = counter("client_inference_usage_output_tokens", "Tokens written.")
        self._series: dict[tuple[str, ...], _Series] = {}

    def answered(
        self, operation: Operation, model: ServedModel, usage: Usage, seconds: float, first: float | None, error: str
    ) -> None:
        """Count one request that had a slot; `seconds` also holds its wait, `error` says how it failed, if it did."""
        labels = (operation, _PROVIDER, model.id, model.reference)
        series = self._series.get(labels) or self._add(labels)
        self._duration.labels(*labels, error).observe(seconds)
        series.read.observe(usage.prompt_tokens)
        series.written.observe(usage.completion_tokens)
        series.read_total.inc(usage.prompt_tokens)
        series.written_total.inc(usage.completion_tokens)
        if first is None or error:
            return
        series.first.observe(first)
        if usage.completion_tokens > 1:
            series.each.observe((usage.seconds - first) / (usage.completion_tokens - 1))

    def forget(self, reference: str) -> None:
        """Drop the numbers of a version."""
        self._series = {labels: series for labels, series in self._series.items() if labels[-1] != reference}
        for each in (self._duration, self._first, self._each, self._tokens, self._read, self._written):
            each.remove_by_labels({_VERSION: reference})

    def _add(self, labels: tuple[str, ...]) -> _Series:
        self._series[labels] = made = _Series(
            self._first.labels(*labels),
            self._each.labels(*labels),
            self._tokens.labels(*labels, "input"),
            self._tokens.labels(*labels, "output"),
            self._read.labels(*labels, "text"),
            self._written.labels(*labels, "text"),
        )
        return made


def error_type(error: BaseException) -> str:
    """Return the word for how a request failed."""
    if isinstance(error, Refusal):
        return str(error.status)
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return "timeout" if isinstance(error, TimeoutError) else type(error).__name__
