"""Whether a version that answers has begun to fail, told from what became of the last requests.

The gate (see `smoke`) is passed once, and weights can break afterwards: a disk that fails, a file written in place,
prompts that the gate did not try. So every version that answers is judged on, several times a second, by two things:
answers that failed, and how often the process of its engine has died. What a caller did is no failure. A version that
somebody has promoted, or given a share to, is judged by what came after that.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ingot.registry.release import Canary
from ingot.serve.ports import ServedModel

CHECK_SECONDS = 60.0  # what is longer ago says nothing any more about a version that everybody is answered by
MOST_ERRORS = 0.2  # of its answers; of a canary's, what its release says
LEAST_FAILURES = 3  # fewer say nothing
MOST_DEATHS = 2  # one may be the machine's fault, and so may be another


class Judge:
    """Judges the versions of one server, each under the name it answers for."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[tuple[str, str], float] = {}
        self._rests: dict[tuple[str, str], float] = {}

    def begin(self, name: str, version: str) -> None:
        """Forget what was seen of a version: somebody wants it tried."""
        self._since[name, version] = self._clock()
        self._rests.pop((name, version), None)

    def flaw(self, name: str, model: ServedModel, canary: Canary | None = None) -> str | None:
        """Say what is wrong with a version; None when nothing is, or when it was said within the last minute."""
        key, now = (name, model.reference), self._clock()
        if now < self._rests.get(key, now):
            return None
        found = self._flaw(model, canary, now, self._since.get(key, 0.0))
        if found is not None:
            self._since[key], self._rests[key] = now, now + CHECK_SECONDS
        return found

    def _flaw(self, model: ServedModel, canary: Canary | None, now: float, begun: float) -> str | None:
        recent = max(begun, now - CHECK_SECONDS)
        # Few requests reach a canary, so all its last answers count, however old.
        failed, seen = model.outcomes.seen(begun if canary is not None else recent)
        most = MOST_ERRORS if canary is None else canary.most_errors
        if failed >= LEAST_FAILURES and failed > most * seen:
            return f"{failed} of its last {seen} answers failed"
        deaths = sum(died >= recent for died in getattr(model.engine, "deaths", ()))
        if deaths > MOST_DEATHS:
            return f"the process of its engine died {deaths} times in {CHECK_SECONDS:g} seconds"
        return None
