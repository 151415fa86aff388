"""Each request's share of the energy this machine spends on answers.

A meter counts for the whole process tree. What it counts between two events (a request begins, a request ends) is
shared equally by the requests that were being answered then. So the shares of all requests add up to what was used
while there was work, and an idle server charges nobody. What a meter said a moment ago is not asked again: no counter
of energy, and none of processor time, is that fine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ingot.core.energy import ESTIMATED, PARTLY, WATTS_PER_BUSY_CORE, Energy, Meter

_PROCESSES = Path("/proc")
_LOOK_SECONDS = 1.0
_FRESH_SECONDS = 0.002
_TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


class Share:
    """The joules of one request so far."""

    def __init__(self) -> None:
        self.joules = 0.0


class EnergyShares:
    """Divides what a meter counts. Belongs to one event loop."""

    def __init__(self, read: Callable[[], Energy] | None = None) -> None:
        self._read = read or _of_this_tree()
        self._active: set[Share] = set()
        self._last, self._read_at = self._read(), time.monotonic()

    def begin(self) -> Share:
        """Begin to count for a request."""
        self._settle()
        share = Share()
        self._active.add(share)
        return share

    def end(self, share: Share) -> Energy:
        """End counting for a request; return what it used."""
        energy = self.of(share)
        self._active.discard(share)
        return energy

    def of(self, share: Share) -> Energy:
        """Return what a request has used so far."""
        self._settle()
        return Energy(None if self._last.joules is None else share.joules, self._last.method)

    def _settle(self) -> None:
        at = time.monotonic()
        if at - self._read_at < _FRESH_SECONDS:
            return
        now, self._read_at = self._read(), at
        if now.joules is not None and self._last.joules is not None and self._active:
            each = max(0.0, now.joules - self._last.joules) / len(self._active)
            for share in self._active:
                share.joules += each
        self._last = now


def _of_this_tree() -> Callable[[], Energy]:
    """Return what reads the energy of this process and its children.

    A meter that estimates knows the processor time of children once they have ended, and an engine in a child lives as
    long as the server: its time is added here.
    """
    meter, children = Meter(), _Children()
    at_start = children.seconds()

    def read() -> Energy:
        energy = meter.read()
        if energy.joules is None or energy.method not in (ESTIMATED, PARTLY):
            return energy
        more = (children.seconds() - at_start) * WATTS_PER_BUSY_CORE
        return replace(energy, joules=energy.joules + more)

    return read


class _Children:
    """The processes below this one. Who they are is looked up once a second: that takes longer than an answer may.

    The kernel counts their time in ticks of a hundredth of a second, so it is not read more often than that.
    """

    def __init__(self) -> None:
        self._processes: list[int] = []
        self._seen = self._read = 0.0
        self._seconds = 0.0

    def seconds(self) -> float:
        """Return the processor time of those that live."""
        now = time.monotonic()
        if now - self._seen > _LOOK_SECONDS:
            self._processes, self._seen = list(_children(os.getpid())), now
        if now - self._read > _TICK_SECONDS:
            self._seconds, self._read = sum(map(_ticks, self._processes)) * _TICK_SECONDS, now
        return self._seconds


def _children(process: int) -> Iterator[int]:
    with suppress(OSError):  # ended meanwhile, or not Linux
        for path in (_PROCESSES / str(process) / "task").iterdir():
            for child in map(int, (path / "children").read_text(encoding="ascii").split()):
                yield child
                yield from _children(child)


def _ticks(process: int) -> int:
    with suppress(OSError):
        # proc(5): after the name in brackets, the 12th and 13th fields are the ticks spent in user and system mode.
        fields = (_PROCESSES / str(process) / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0
