"""How much each key has used: requests and tokens of the last minute, tokens of the day (UTC).

Requests are counted when they come, tokens when they are answered, since nobody knows before how many there will be.
So the answer that crosses a limit is given whole, and the next request is refused, before its body is read.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ingot.serve.ports import Principal
from ingot.serve.refusal import Refusal

_MINUTE, _DAY = 60.0, 86_400.0


@dataclass
class _Used:
    requests: deque[float] = field(default_factory=deque)
    tokens: deque[tuple[float, int]] = field(default_factory=deque)
    day: int = 0
    today: int = 0


class Quotas:
    """The books of one server. They are kept in memory: a restart begins new minutes and a new day's count.

    `clock` returns Unix time.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._used: dict[str, _Used] = {}

    def begin(self, principal: Principal) -> None:
        """Count a request. Raises Refusal 429 when the principal has used up what it may."""
        quota, now = principal.quota, self._clock()
        if quota.requests_per_minute is None and quota.tokens_per_minute is None and quota.tokens_per_day is None:
            return
        used = self._of(principal, now)
        if quota.tokens_per_day is not None and used.today >= quota.tokens_per_day:
            raise _used_up(f"{quota.tokens_per_day} tokens a day", _DAY - now % _DAY, "insufficient_quota")
        spent = sum(tokens for _, tokens in used.tokens)
        if quota.tokens_per_minute is not None and spent >= quota.tokens_per_minute:
            raise _used_up(f"{quota.tokens_per_minute} tokens a minute", used.tokens[0][0] + _MINUTE - now)
        if quota.requests_per_minute is not None and len(used.requests) >= quota.requests_per_minute:
            raise _used_up(f"{quota.requests_per_minute} requests a minute", used.requests[0] + _MINUTE - now)
        used.requests.append(now)

    def spend(self, principal: Principal, tokens: int) -> None:
        """Count the tokens of an answer."""
        if principal.quota.tokens_per_minute is None and principal.quota.tokens_per_day is None:
            return
        now = self._clock()
        used = self._of(principal, now)
        used.tokens.append((now, tokens))
        used.today += tokens

    def _of(self, principal: Principal, now: float) -> _Used:
        used = self._used.setdefault(principal.id, _Used())
        while used.requests and used.requests[0] <= now - _MINUTE:
            used.requests.popleft()
        while used.tokens and used.tokens[0][0] <= now - _MINUTE:
            used.tokens.popleft()
        if used.day != int(now // _DAY):
            used.day, used.today = int(now // _DAY), 0
        return used


def _used_up(limit: str, seconds: float, code: str = "rate_limit_exceeded") -> Refusal:
    wait = max(1, math.ceil(seconds))
    return Refusal(429, f"this key may use {limit}, and has: try again in {wait} seconds", code=code, retry_after=wait)
