"""What the server counts, for Prometheus. Names of OpenTelemetry's GenAI conventions where they exist.

The conventions' `gen_ai.server.request.duration`, `gen_ai.server.time_to_first_token` and
`gen_ai.server.time_per_output_token` are in seconds; Prometheus writes dots as underscores and adds the unit.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ingot.serve.ports import Usage

MEDIA_TYPE = CONTENT_TYPE_LATEST
_MODEL = ("gen_ai_request_model",)
# The buckets that the conventions advise.
_DURATIONS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_FIRST = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_EACH = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)


class Metrics:
    """The counters of one server; several may live in one process."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        duration, each = "gen_ai_server_request_duration_seconds", "gen_ai_server_time_per_output_token_seconds"
        self._duration = Histogram(duration, "From arrival to the last byte.", _MODEL, registry=own, buckets=_DURATIONS)
        first = "gen_ai_server_time_to_first_token_seconds"
        self._first = Histogram(first, "From slot to first token.", _MODEL, registry=own, buckets=_FIRST)
        self._each = Histogram(each, "Per token after the first.", _MODEL, registry=own, buckets=_EACH)
        kinds = (*_MODEL, "gen_ai_token_type")
        self._tokens = Counter("gen_ai_token_usage", "Tokens read (input) and written (output).", kinds, registry=own)
        self._joules = Counter("ingot_energy_joules", "Energy of answers.", (*_MODEL, "method"), registry=own)
        self._refused = Counter("ingot_requests_refused", "Requests that were refused.", ("status",), registry=own)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that is read when somebody asks for it."""
        Gauge(name, text, registry=self._registry).set_function(read)

    def answered(self, usage: Usage, seconds: float, first_token_seconds: float | None) -> None:
        """Count one request that had a slot; `seconds` also holds its wait."""
        model = usage.model
        self._duration.labels(model).observe(seconds)
        self._tokens.labels(model, "input").inc(usage.prompt_tokens)
        self._tokens.labels(model, "output").inc(usage.completion_tokens)
        if first_token_seconds is not None:
            self._first.labels(model).observe(first_token_seconds)
        if first_token_seconds is not None and usage.completion_tokens > 1:
            rest = usage.seconds - first_token_seconds
            self._each.labels(model).observe(rest / (usage.completion_tokens - 1))
        if usage.joules is not None:
            self._joules.labels(model, usage.energy).inc(usage.joules)

    def refused(self, status: int) -> None:
        """Count a refusal."""
        self._refused.labels(str(status)).inc()

    def text(self) -> bytes:
        """Return all numbers as Prometheus reads them."""
        return generate_latest(self._registry)
