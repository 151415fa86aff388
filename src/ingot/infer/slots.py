"""Which slot of a server answers a request, when each slot remembers what it read last.

A slot belongs to the salt of its last request. Only a request with the same salt may go on from what the slot holds; to
any other it is an empty one. Of the idle slots a request takes its own that shares most with its prompt, otherwise one
that nobody can use again, and otherwise the one longest unused, so that conversations under way keep what was read of
them as long as possible.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, takewhile

from ingot.infer.engine import Stop

_POLL_SECONDS = 0.05
_TOLD_APART = 1024  # tokens; slots that share more than this with a prompt are as good as one another


@dataclass
class Slot:
    """One place of the server, and what it remembers."""

    number: int
    salt: str | None = None
    ids: Sequence[int] = ()
    used: int = 0  # when, as a count of requests
    is_idle: bool = True


class Slots:
    """The slots of one server; requests wait for an idle one in the order they came."""

    def __init__(self, number: int) -> None:
        self._slots = [Slot(place) for place in range(number)]
        self._clock = count(1)
        self._changed = threading.Condition()

    def take(self, salt: str | None, prompt: Sequence[int], stop: Stop | None) -> tuple[Slot, bool] | None:
        """Wait for a slot; say whether the request may go on from what it holds. None when it is not wanted any more.

        The slot belongs to the request until it is given back.
        """
        with self._changed:
            while not any(slot.is_idle for slot in self._slots):
                self._changed.wait(None if stop is None else _POLL_SECONDS)
                if stop is not None and stop():
                    return None
            idle = [slot for slot in self._slots if slot.is_idle]
            slot = max(idle, key=lambda one: (_shared(one, salt, prompt), one.salt is None, -one.used))
            is_known = salt is not None and slot.salt == salt
            slot.salt, slot.ids, slot.used, slot.is_idle = salt, prompt, next(self._clock), False
        return slot, is_known

    def give_back(self, slot: Slot) -> None:
        """Let the next request have it."""
        with self._changed:
            slot.is_idle = True
            self._changed.notify()


def _shared(slot: Slot, salt: str | None, prompt: Sequence[int]) -> int:
    if salt is None or slot.salt != salt:
        return 0
    pairs = zip(slot.ids[:_TOLD_APART], prompt[:_TOLD_APART], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
