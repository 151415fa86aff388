"""What a server needs from outside, as protocols. `local` fills them with files, a control plane with its database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from ingot.infer.engine import Engine

ModelKind = Literal["base", "chat"]


class Lease:
    """Counts the requests that use an engine, so that one that was replaced is closed after its last answer."""

    def __init__(self, close: Callable[[], object]) -> None:
        self._close, self._lock = close, threading.Lock()
        self._users, self._is_retired = 0, False

    def take(self) -> bool:
        """Begin to use the engine; False when it is replaced already, and the caller must look for the new one."""
        with self._lock:
            self._users += not self._is_retired
            return not self._is_retired

    def give_back(self) -> None:
        """End one use."""
        with self._lock:
            self._users -= 1
            is_last = self._is_retired and self._users == 0
        if is_last:
            self._close()

    def retire(self) -> None:
        """Let nobody new in, and close the engine when nobody uses it."""
        with self._lock:
            is_last = not self._is_retired and self._users == 0
            self._is_retired = True
        if is_last:
            self._close()


@dataclass(frozen=True)
class Price:
    """What a million tokens cost, read and written."""

    per_million_read: float
    per_million_written: float
    currency: str

    def of(self, read: int, written: int) -> float:
        """Return the price of a request."""
        return (read * self.per_million_read + written * self.per_million_written) / 1e6


@dataclass(frozen=True)
class ServedModel:
    """A model that answers: the name callers use, the artifact behind it, and its engine. `created` is Unix time."""

    id: str
    reference: str
    kind: ModelKind
    created: int
    engine: Engine
    price: Price | None = None
    lease: Lease = field(default_factory=lambda: Lease(lambda: None))

    @cached_property
    def longest_prompt_bytes(self) -> int:
        """Text longer than this cannot fit the context, whatever it says: every token would be the longest one."""
        codec = self.engine.codec
        return self.engine.context * max(len(codec.token_bytes(token)) for token in range(codec.vocabulary))

    @cached_property
    def fills_in(self) -> bool:
        """Whether its vocabulary has the marks of fill-in-the-middle."""
        return self.engine.codec.tokenizer.token_to_id("<|fim_middle|>") is not None


class ModelSource(Protocol):
    """Where models come from."""

    def models(self) -> list[ServedModel]:
        """Return every model that is served."""

    def find(self, model_id: str) -> ServedModel | None:
        """Return the model a caller names, or None."""


@dataclass(frozen=True)
class Quota:
    """What one principal may use; None where there is no limit. `weight` is its share when many wait."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Principal:
    """Who is calling, and what they may use; `line` is where they wait, when not beside their other requests."""

    id: str
    quota: Quota = Quota()
    line: str = ""


class Authenticator(Protocol):
    """Who is calling."""

    def principal(self, key: str | None) -> Principal | None:
        """Return who owns this API key, or None when the caller may not come in."""


@dataclass(frozen=True)
class Usage:
    """What one answered request cost; `seconds` is the time its slot was held.

    `joules` is None where nobody can tell, and `energy` says how it was found.
    """

    principal: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    joules: float | None = None
    energy: str = "not measured"
    cost: float | None = None
    currency: str | None = None


class Meter(Protocol):
    """Who counts what was used."""

    def record(self, usage: Usage) -> None:
        """Count one request, also one that was broken off."""


@dataclass(frozen=True)
class Judged:
    """A rule of a policy that applied. `text` is there only where the rule asks for a person's review."""

    policy: str
    rule: int
    category: str
    action: str
    door: str
    detector: str
    type: str
    confidence: float
    principal: str
    model: str
    text: str | None = None


class DecisionLog(Protocol):
    """Who writes down what policies decided."""

    def record(self, judged: Judged) -> None:
        """Write down one decision."""


class Store(Protocol):
    """What principals leave with a server: records, and the bytes of files. Nobody sees another's.

    Methods block; ids are the server's own.
    """

    def put(self, principal: str, kind: str, record_id: str, record: Mapping[str, Any]) -> None:
        """Keep a record, in place of an earlier one. Raises Refusal when the principal keeps too many."""

    def get(self, principal: str, kind: str, record_id: str) -> dict[str, Any] | None:
        """Return a record, or None."""

    def records(self, principal: str, kind: str) -> Sequence[dict[str, Any]]:
        """Return the records of a kind, newest first."""

    def delete(self, principal: str, kind: str, record_id: str) -> bool:
        """Drop a record; say whether there was one."""

    def everybody(self, kind: str) -> Sequence[tuple[str, dict[str, Any]]]:
        """Return the records of a kind of all principals, to go on with after a restart."""

    def write(self, principal: str, file_id: str, content: BinaryIO) -> int:
        """Keep the bytes of a file; return how many. Raises Refusal when the principal keeps too many."""

    def append(self, principal: str, file_id: str, line: bytes) -> None:
        """Add a line to a file, which need not be there yet."""

    def path(self, principal: str, file_id: str) -> Path | None:
        """Return where the bytes of a file lie, or None."""

    def erase(self, principal: str, file_id: str) -> None:
        """Drop the bytes of a file."""
