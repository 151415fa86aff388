"""Turn token ids into text as they come, and know when to stop.

A token is not a piece of text: one character may span several tokens, and a stop string may begin in one token and end
three later. So bytes wait in the decoder until they are whole characters, and text waits here while it could still
become a stop string. Every engine shares this file, so all of them stop alike.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Literal, Protocol

from ingot.core.errors import IngotError
from ingot.infer.sampling import SamplingParams

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Drawn:
    """One token id as an engine chose it; `top` holds alternatives as (id, log-probability), most probable first.

    `cached` is what the first one of an answer says, see Token.
    """

    id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    cached: int | None = None


@dataclass(frozen=True)
class Token:
    """One token of an answer and the text it released, which may be empty or belong to tokens before it.

    The last token of an answer says why it is the last in `finish`: `stop` (the model ended the text, or a stop string
    was met, which is not part of the text) or `length` (max_tokens reached, or the context is full). The first one says
    in `cached` how many tokens of the prompt were known from an earlier one, where the engine can tell.
    """

    id: int
    text: str
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()
    finish: FinishReason | None = None
    cached: int | None = None


class StreamDecoder(Protocol):
    """Bytes to characters, one token at a time."""

    def push(self, token: int, /) -> str: ...
    def flush(self) -> str: ...


class Telling:
    """Tells one answer: an id goes in, a Token comes out; after one that has a `finish` comes nothing more."""

    def __init__(self, decoder: StreamDecoder, params: SamplingParams, end_ids: frozenset[int]) -> None:
        self._decoder, self._params, self._end_ids = decoder, params, end_ids
        self._waiting, self._count = "", 0

    def tell(self, one: Drawn) -> Token:
        """Return the Token for the next id: the last one for an end id, a stop string, or at `params.max_tokens`.

        Raises IngotError when the model gave no probabilities: whatever id came of that says nothing.
        """
        if one.logprob is not None and math.isnan(one.logprob):
            raise _no_probabilities()
        self._count += 1
        text, finish = self._released(one.id)
        return Token(one.id, text, one.logprob, one.top, finish, one.cached)

    def _released(self, token: int) -> tuple[str, FinishReason | None]:
        if token in self._end_ids:
            return self._waiting + self._decoder.flush(), "stop"
        is_last = self._count >= self._params.max_tokens
        waiting = self._waiting + self._decoder.push(token) + (self._decoder.flush() if is_last else "")
        end = first_stop(waiting, self._params.stop)
        if end is not None:
            return waiting[:end], "stop"
        held = 0 if is_last else held_back(waiting, self._params.stop)
        self._waiting = waiting[len(waiting) - held :]
        return waiting[: len(waiting) - held], "length" if is_last else None


def _no_probabilities() -> IngotError:
    return IngotError(
        "the model gives no probabilities",
        why="a number in its weights, or on the way from them, is none",
        fix="build it again; the version before it stays in the home",
    )


def as_tokens(
    drawn: Generator[Drawn, None, None], decoder: StreamDecoder, params: SamplingParams, end_ids: frozenset[int]
) -> Iterator[Token]:
    """Yield a Token for every id drawn, until an end id, a stop string or `params.max_tokens`.

    Closing this iterator closes `drawn`, so that an abandoned answer frees what it holds.
    """
    telling = Telling(decoder, params, end_ids)
    with closing(drawn):
        for one in drawn:
            token = telling.tell(one)
            yield token
            if token.finish is not None:
                return


def first_stop(text: str, stop: tuple[str, ...]) -> int | None:
    """Return where the earliest stop string begins, or None."""
    places = [place for place in (text.find(one) for one in stop) if place >= 0]
    return min(places, default=None)


def held_back(text: str, stop: tuple[str, ...]) -> int:
    """Return how many characters at the end of `text` could still become a stop string.

    >>> held_back("the en", ("end",))
    2
    """
    longest = 0
    for one in stop:
        for length in range(min(len(one) - 1, len(text)), longest, -1):
            if text.endswith(one[:length]):
                longest = length
                break
    return longest
