"""What every route works with: the models, the slots, and who counts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ingot.core.errors import suggest
from ingot.serve.conventions import Operation, error_type
from ingot.serve.energy import EnergyShares, Share
from ingot.serve.gateway import Gateway, Limits
from ingot.serve.guarding import Judges, no_judges
from ingot.serve.metrics import Metrics
from ingot.serve.mirror import Mirror
from ingot.serve.opening import opened
from ingot.serve.ports import Meter, ModelCard, ModelSource, Origin, Principal, ServedModel, Store, Usage
from ingot.serve.refusal import Refusal
from ingot.serve.wire.replies import Cost, EnergyUsed, TokenDetails, WireUsage


class Server:
    """The models, the slots, the counters."""

    def __init__(
        self, source: ModelSource, meter: Meter, store: Store, limits: Limits, judges: Judges | None = None
    ) -> None:
        self.source, self.meter, self.store = source, meter, store
        self.judges = judges or no_judges()
        self.gateway = Gateway(limits)
        self.energy = EnergyShares()
        self.metrics = Metrics()
        self.metrics.watch_versions(source)
        self.mirror = Mirror(source, self.gateway, self.energy, self.metrics)
        self.metrics.watch("ingot_requests_active", "Requests that generate.", lambda: self.gateway.active)
        self.metrics.watch("ingot_requests_waiting", "Requests that wait for a slot.", lambda: self.gateway.waiting)

    async def borrow(self, model_id: str, param: str | None = "model", origin: Origin | None = None) -> ServedModel:
        """Return the version that answers a request for a model; its lease must be given back.

        One that was closed to make room is opened first. Raises Refusal 404 naming the nearest model there is.
        """
        while True:
            found = self.source.find(model_id, origin)
            if found is not None and found.lease.take():
                return found
            if found is None:
                opening = self.source.opening(model_id, origin)
                if opening is None:
                    raise self.unknown(model_id, param)
                await opened(opening, self.gateway.limits.seconds)

    def cards(self, caller: Principal | None = None) -> list[ModelCard]:
        """Return what is told of the models that a caller may use; without one, of those that everybody may."""
        owners = (None, caller.id if caller is not None else None)
        return [card for card in self.source.cards() if card.owner in owners]

    def card(self, model_id: str, param: str | None = "model", caller: Principal | None = None) -> ModelCard:
        """Return what is told of a model that a caller may use. Raises Refusal 404 naming the nearest there is."""
        card = next((one for one in self.cards(caller) if model_id in (one.id, one.reference)), None)
        if card is None:
            raise self.unknown(model_id, param)
        return card

    def unknown(self, model_id: str, param: str | None = "model") -> Refusal:
        """Return the refusal of a name that nobody serves."""
        names = [card.id for card in self.cards()]
        hint = f"{suggest(model_id, names)} (served: {', '.join(names)})" if names else "nothing is served just now"
        message = f"there is no model {model_id!r} here: {hint}"
        return Refusal(404, message, param=param, code="model_not_found")

    @asynccontextmanager
    async def tally(
        self, model: ServedModel, reads: int, holds: int, principal: Principal, operation: Operation = "chat"
    ) -> AsyncIterator[Tally]:
        """Hold a slot for a request that reads and holds so many tokens, and count what it uses.

        What was broken off is counted too.
        """
        arrived = time.monotonic()
        async with self.gateway.slot(principal, holds):
            tally = Tally(model, reads, self.energy, principal)
            try:
                yield tally
            except BaseException as error:
                tally.fail(error)
                raise
            finally:
                used = tally.end()
                self.gateway.quotas.spend(principal, used.prompt_tokens + used.completion_tokens)
                seconds = time.monotonic() - arrived
                self.metrics.answered(operation, model, used, seconds, tally.first_token_seconds, tally.error)
                self.meter.record(used)


class Tally:
    """What one request has used so far."""

    def __init__(self, model: ServedModel, prompt_tokens: int, energy: EnergyShares, principal: Principal) -> None:
        self.principal = principal
        self._model, self._read, self._written = model, prompt_tokens, 0
        self._energy = energy
        self._share: Share = energy.begin()
        self._started = time.monotonic()
        self.first_token_seconds: float | None = None
        self.error = ""
        self._known: dict[int, int] = {}  # tokens that needed no reading, by prompt

    def know(self, prompt: Sequence[int], tokens: int | None) -> None:
        """Note how many tokens of a prompt an engine knew already, where it tells; the first of its answers counts."""
        if tokens is not None:
            self._known.setdefault(id(prompt), tokens)

    def fail(self, error: BaseException) -> None:
        """Note how the request failed; the first thing that went wrong counts."""
        self.error = self.error or error_type(error)

    def begin(self, at: float) -> None:
        """Note when a first token was made (`time.monotonic`); that of the first answer counts."""
        if self.first_token_seconds is None:
            self.first_token_seconds = at - self._started

    def write(self) -> None:
        """Count one token."""
        self._written += 1

    def usage(self) -> WireUsage:
        """Return what the answer says it used."""
        energy, price = self._energy.of(self._share), self._model.price
        return WireUsage(
            prompt_tokens=self._read,
            completion_tokens=self._written,
            total_tokens=self._read + self._written,
            prompt_tokens_details=TokenDetails(cached_tokens=sum(self._known.values())) if self._known else None,
            energy=EnergyUsed(joules=_rounded(energy.joules), badge=energy.method),
            cost=Cost(amount=price.of(self._read, self._written), currency=price.currency) if price else None,
        )

    def end(self) -> Usage:
        """Return what was used, once nothing more will be."""
        energy, price = self._energy.end(self._share), self._model.price
        return Usage(
            principal=self.principal.id,
            model=self._model.reference,
            prompt_tokens=self._read,
            completion_tokens=self._written,
            seconds=time.monotonic() - self._started,
            joules=_rounded(energy.joules),
            energy=energy.method,
            cost=price.of(self._read, self._written) if price else None,
            currency=price.currency if price else None,
            trace=self.principal.trace or None,
        )


def _rounded(joules: float | None) -> float | None:
    return None if joules is None else round(joules, 4)
