"""From what makes things, a thread or the loop itself, to the task that sends them on, as they come.

Waking an event loop from another thread costs more than most of what is handed over: a write to a pipe, a turn of the
loop, and a fight for the interpreter's lock. So the loop is woken when it waits, and not again before it has looked;
it then takes everything that came meanwhile. A maker that is faster than the loop wakes it once for many. Where nobody
reads what is made before it is whole, the loop is left alone for a while even when it waits.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """One thread puts, or the loop it was made in; one task of that loop takes.

    The loop is woken at most once in `pause` seconds, and by what is `urgent`; so `pause` is how late a stop may be
    seen, and not more than one item is made after it.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._arrived = asyncio.Event()
        self._items: deque[T] = deque()
        self._is_watched = True  # whether the next item has to wake the loop
        self._pause, self._quiet_until = pause, time.monotonic() + pause

    def put(self, item: T, is_urgent: bool = False) -> None:
        """Hand over an item. Raises RuntimeError when the loop is closed."""
        self._items.append(item)
        if self._pause and not is_urgent and time.monotonic() < self._quiet_until:
            return  # it is taken with the next one
        # The loop says that it waits and then looks once more, the thread puts and then looks whether it waits: whoever
        # of them comes second sees what the other did.
        if self._is_watched:
            self._is_watched = False
            if threading.get_ident() == self._thread:
                self._arrived.set()
            else:
                self._loop.call_soon_threadsafe(self._arrived.set)

    async def take(self) -> list[T]:
        """Return everything that was put since the last time, at least one item."""
        while not self._items:
            self._arrived.clear()
            self._is_watched = True
            if not self._items:
                await self._arrived.wait()
        self._quiet_until = time.monotonic() + self._pause
        taken = []
        while self._items:
            taken.append(self._items.popleft())
        return taken
