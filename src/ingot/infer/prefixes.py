"""What was read before and need not be read again: the keys and values of earlier requests, by who sent them.

A conversation is sent whole with every turn, and many requests begin with the same instructions. What is kept belongs
to the salt of its request, because the time to the first token tells whether a prompt was known: without the salt a
caller could find out what others ask (CVE-2025-46570). A beginning is used in whole pieces of the length that prompts
are read in, so that the same numbers come out, bit by bit, as when everything is read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from ingot.model.cache import Cache


@dataclass(frozen=True)
class _Kept:
    salt: str
    ids: np.ndarray[tuple[int], np.dtype[np.int64]]
    cache: Cache


class Prefixes:
    """Keeps caches until together they have room for more than `tokens`; the one longest unused goes first."""

    def __init__(self, tokens: int, piece: int) -> None:
        self._most, self._piece = tokens, piece
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._numbers = count()
        self._turn = threading.Lock()

    @property
    def tokens(self) -> int:
        """How many tokens what is kept has room for."""
        with self._turn:
            return sum(one.cache.capacity for one in self._kept.values())

    def begin(self, salt: str | None, prompt: Sequence[int], cache: Cache) -> int:
        """Fill a cache with the longest known beginning of a prompt, and return its length; never the whole prompt."""
        if salt is None:
            return 0
        ids = np.asarray(prompt[:-1], dtype=np.int64)
        with self._turn:
            found = ((self._common(one, ids), number) for number, one in self._kept.items() if one.salt == salt)
            length, number = max(found, default=(0, -1))
            if length:
                self._kept.move_to_end(number)
                cache.begin_as(self._kept[number].cache, length)
        return length

    def keep(self, salt: str | None, ids: Sequence[int], cache: Cache) -> None:
        """Keep a cache and the ids it was filled with; nobody may change it afterwards."""
        known = np.asarray(ids[: cache.length], dtype=np.int64)
        if salt is None or len(known) < self._piece or cache.capacity > self._most:
            return
        with self._turn:
            for number in [n for n, one in self._kept.items() if one.salt == salt and self._is_within(one, known)]:
                del self._kept[number]
            self._kept[next(self._numbers)] = _Kept(salt, known, cache)
            while sum(one.cache.capacity for one in self._kept.values()) > self._most:
                self._kept.popitem(last=False)

    def _common(self, kept: _Kept, ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> int:
        shorter = min(len(kept.ids), len(ids))
        apart = np.flatnonzero(kept.ids[:shorter] != ids[:shorter])
        length = int(apart[0]) if apart.size else shorter
        return length - length % self._piece

    def _is_within(self, kept: _Kept, ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bool:
        return len(kept.ids) <= len(ids) and bool(np.array_equal(kept.ids, ids[: len(kept.ids)]))
