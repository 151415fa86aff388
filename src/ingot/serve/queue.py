"""Who goes next: a fair queue of requests, by tokens.

Each key has a clock that runs by the tokens it was given, slower for a greater weight; the key whose clock is furthest
behind goes next (start-time fair queueing: Goyal, Vin and Cheng, 1996). So one that sends a hundred requests waits
behind its own, and not everybody behind it. Within a key the order is that of arrival. A key that was idle starts at
the present, so that idleness is no credit. A request that does not fit yet is not overtaken: it would wait for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from ingot.serve.ports import Principal


@dataclass(eq=False)
class _Entry:
    tokens: int
    turn: asyncio.Future[None]


@dataclass
class _Line:
    weight: float
    clock: float
    waiting: deque[_Entry] = field(default_factory=deque)


class FairQueue:
    """Lets at most `at_once` requests in, holding at most `tokens` together; one alone may always go.

    Belongs to one event loop, so nothing here is locked.
    """

    def __init__(self, at_once: int, tokens: int | None = None) -> None:
        self._at_once, self._tokens = at_once, tokens
        self._lines: dict[str, _Line] = {}
        self._now = 0.0
        self._held = 0
        self.active = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(len(line.waiting) for line in self._lines.values())

    def has_room(self, tokens: int) -> bool:
        """Say whether a request that will hold so many tokens would not have to wait."""
        return self.active < self._at_once and self._fits(tokens) and not self.waiting

    async def enter(self, principal: Principal, tokens: int) -> None:
        """Wait for the turn of a request that will hold so many tokens; `leave` must follow."""
        line = self._lines.setdefault(principal.line or principal.id, _Line(principal.quota.weight, self._now))
        entry = _Entry(tokens, asyncio.get_running_loop().create_future())
        line.clock = max(line.clock, self._now)
        line.waiting.append(entry)
        self._let_in()
        try:
            await entry.turn
        except asyncio.CancelledError:
            if entry in line.waiting:
                line.waiting.remove(entry)
                self._let_in()  # it may have stood before one that fits
            else:
                self.leave(tokens)  # its turn came in the same moment
            raise

    def leave(self, tokens: int) -> None:
        """End a request that was let in, and let the next ones in."""
        self.active -= 1
        self._held -= tokens
        self._let_in()

    def _let_in(self) -> None:
        while self.active < self._at_once and (line := self._next()) is not None:
            tokens = line.waiting[0].tokens
            if not self._fits(tokens):
                return
            self._now = line.clock
            line.clock += tokens / line.weight
            self.active += 1
            self._held += tokens
            line.waiting.popleft().turn.set_result(None)
        # A clock that the present has passed says nothing any more.
        self._lines = {name: line for name, line in self._lines.items() if line.waiting or line.clock > self._now}

    def _fits(self, tokens: int) -> bool:
        return self._tokens is None or not self.active or self._held + tokens <= self._tokens

    def _next(self) -> _Line | None:
        return min((line for line in self._lines.values() if line.waiting), key=lambda line: line.clock, default=None)
