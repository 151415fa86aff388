"""How answers look on the wire: what a voice is, and what all of them share.

A voice says a whole answer at once, or its parts as server-sent events, as they come.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from ingot.infer.text import Token
from ingot.serve.answers.reading import Call, Said
from ingot.serve.asks.asked import Asked
from ingot.serve.dialect import Dialect, Finish
from ingot.serve.refusal import Refusal
from ingot.serve.wire.replies import WireUsage

DONE = "data: [DONE]\n\n"


@dataclass(frozen=True)
class Answer:
    """One finished answer."""

    index: int
    text: str
    tokens: Sequence[Token]
    calls: Sequence[Call]
    finish: Finish
    parts: Sequence[Said]

    @classmethod
    def of(cls, index: int, parts: Iterable[Said]) -> Answer:
        """Put together what was said."""
        said = list(parts)
        finish = said[-1].finish
        assert finish is not None, "the last thing an answer says is why it is the last"
        tokens = [token for part in said for token in part.tokens]
        calls = [part.call for part in said if part.call is not None]
        return cls(index, "".join(part.text for part in said), tokens, calls, finish, said)


class Voice(Protocol):
    """How the answers of one request are told."""

    def opening(self, index: int) -> Iterator[str]:
        """Yield what a stream sends before the first part of an answer."""

    def part(self, index: int, said: Said) -> Iterator[str]:
        """Yield the events of a part."""

    def closing(self, usage: WireUsage) -> Iterator[str]:
        """Yield what ends a stream."""

    def failed(self, refusal: Refusal) -> Iterator[str]:
        """Yield what ends a stream that cannot go on."""

    def whole(self, answers: Sequence[Answer], usage: WireUsage) -> str:
        """Return the whole answer as JSON."""


@dataclass(frozen=True)
class Head:
    """What every message of one reply repeats."""

    prefix: str
    asked: Asked
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))

    def fields(self) -> dict[str, Any]:
        """Return the fields of :class:`wire.replies.Reply`."""
        model = self.asked.model
        mode = "/continuation" if model.kind == "base" else ""
        return {
            "id": f"{self.prefix}-{self.id}",
            "created": self.created,
            "model": model.id,
            "system_fingerprint": f"{model.reference}/{model.engine.name}{mode}",
        }


def event(message: BaseModel, includes_usage: bool) -> str:
    """Return a message as one server-sent event.

    Only the last piece has usage; the others say so with a null, and only to a caller who asked for it.
    """
    is_piece = getattr(message, "usage", None) is None and not includes_usage
    return f"data: {message.model_dump_json(exclude={'usage'} if is_piece else None)}\n\n"


def error_event(refusal: Refusal, dialect: Dialect) -> str:
    """Return a refusal as the last event of a stream, whose status is sent already."""
    return f"data: {json.dumps(dialect.error(refusal), ensure_ascii=False)}\n\n"
