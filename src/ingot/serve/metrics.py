"""What the server counts, for Prometheus: what conventions have a name for (see conventions), and what they have not.

Everything stays here until somebody asks for it at `/metrics`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ingot.serve.conventions import DURATIONS, GenAi, Operation
from ingot.serve.instruments import (
    CONTENT_TYPE_LATEST,
    Collector,
    CollectorRegistry,
    Counter,
    CounterMetricFamily,
    Gauge,
    GaugeMetricFamily,
    Histogram,
    Metric,
    generate_latest,
)
from ingot.serve.ports import ModelSource, ServedModel, Usage

MEDIA_TYPE = CONTENT_TYPE_LATEST
_MOST_VERSIONS = 64  # the numbers of others, longest not heard of, are dropped: versions come for ever
_MODEL = ("gen_ai_request_model",)


class Metrics:
    """The counters of one server; several may live in one process."""

    def __init__(self) -> None:
        self._registry = own = CollectorRegistry()
        self._gen_ai = GenAi(own)
        self._joules = Counter("ingot_energy_joules", "Energy of answers.", (*_MODEL, "method"), registry=own)
        self._refused = Counter("ingot_requests_refused", "Requests that were refused.", ("status",), registry=own)
        outcome, shadow = (*_MODEL, "outcome"), "ingot_shadow_"
        self._shadows = Counter(f"{shadow}answers", "Requests a shadow was to answer.", outcome, registry=own)
        took = f"{shadow}duration_seconds"
        self._shadow_took = Histogram(took, "Of a shadow, to its end.", _MODEL, registry=own, buckets=DURATIONS)
        kinds = (*_MODEL, "gen_ai_token_type")
        self._shadow_tokens = Counter(f"{shadow}tokens", "Tokens of shadows.", kinds, registry=own)
        methods = (*_MODEL, "method")
        self._shadow_joules = Counter(f"{shadow}energy_joules", "Energy of shadows.", methods, registry=own)
        self._shadow_cost = Counter(f"{shadow}cost", "Cost of shadows.", (*_MODEL, "currency"), registry=own)
        self._by_version = (
            self._joules,
            self._shadows,
            self._shadow_took,
            self._shadow_tokens,
            self._shadow_joules,
            self._shadow_cost,
        )
        self._versions: dict[str, None] = {}

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a number that is read when somebody asks for it."""
        Gauge(name, text, registry=self._registry).set_function(read)

    def answered(
        self, operation: Operation, model: ServedModel, usage: Usage, seconds: float, first: float | None, error: str
    ) -> None:
        """Count one request that had a slot; `seconds` also holds its wait, `error` says how it failed, if it did."""
        reference = self._heard_of(usage.model)
        self._gen_ai.answered(operation, model, usage, seconds, first, error)
        if usage.joules is not None:
            self._joules.labels(reference, usage.energy).inc(usage.joules)

    def shadowed(self, reference: str, outcome: str, used: Usage | None = None) -> None:
        """Count a request that a shadow was to answer, and what that used."""
        model = self._heard_of(reference)
        self._shadows.labels(model, outcome).inc()
        if used is None:
            return
        self._shadow_took.labels(model).observe(used.seconds)
        self._shadow_tokens.labels(model, "input").inc(used.prompt_tokens)
        self._shadow_tokens.labels(model, "output").inc(used.completion_tokens)
        if used.joules is not None:
            self._shadow_joules.labels(model, used.energy).inc(used.joules)
        if used.cost is not None:
            self._shadow_cost.labels(model, used.currency or "").inc(used.cost)

    def watch_versions(self, source: ModelSource) -> None:
        """Show what each version does and how its answers end; those that are not open are not shown."""
        self._registry.register(_Versions(source))

    def _heard_of(self, reference: str) -> str:
        """Keep the numbers of the versions that were heard of last."""
        self._versions.pop(reference, None)
        self._versions[reference] = None
        if len(self._versions) > _MOST_VERSIONS:
            oldest = next(iter(self._versions))
            del self._versions[oldest]
            self._gen_ai.forget(oldest)
            for each in self._by_version:
                each.remove_by_labels({_MODEL[0]: oldest})
        return reference

    def refused(self, status: int) -> None:
        """Count a refusal."""
        self._refused.labels(str(status)).inc()

    def text(self) -> bytes:
        """Return all numbers as Prometheus reads them."""
        return generate_latest(self._registry)


class _Versions(Collector):
    """Reads from the source, when somebody asks."""

    def __init__(self, source: ModelSource) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """Yield the share of every version, and how many of its answers failed."""
        names = ("ingot_served_name", *_MODEL, "role")
        shares = GaugeMetricFamily("ingot_traffic_share", "Share of the requests for a name.", labels=names)
        for one in self._source.shares():
            shares.add_metric([one.name, one.reference, one.role], one.share)
        yield shares
        ended = CounterMetricFamily(
            "ingot_answers", "Answers of a version since it is open.", labels=(*_MODEL, "outcome")
        )
        for model in self._source.models():
            for outcome, count in model.outcomes.total.items():
                ended.add_metric([model.reference, outcome], count)
        yield ended
