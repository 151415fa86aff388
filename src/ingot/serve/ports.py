"""What a server needs from outside, as protocols. `local` fills them with files, a control plane with its database."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

from ingot.core.errors import InputError, MissingExtraError
from ingot.infer.engine import Engine
from ingot.serve.refusal import Refusal
from ingot.tokenizer.codec import Codec

ModelKind = Literal["base", "chat"]


class Lease:
    """Counts the requests that use an engine, so that one that was replaced is closed after its last answer."""

    def __init__(self, close: Callable[[], object]) -> None:
        self._close, self._lock = close, threading.Lock()
        self._users, self._is_retired = 0, False
        self.last_used = time.monotonic()

    def take(self) -> bool:
        """Begin to use the engine; False when it is replaced already, and the caller must look for the new one."""
        with self._lock:
            self._users += not self._is_retired
            self.last_used = time.monotonic()
            return not self._is_retired

    def give_back(self) -> None:
        """End one use."""
        with self._lock:
            self._users -= 1
            self.last_used = time.monotonic()
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

    @property
    def is_idle(self) -> bool:
        """Whether nobody uses the engine just now."""
        return self._users == 0

    def retire_if_idle(self) -> bool:
        """Retire, unless somebody uses the engine; say whether it was done."""
        with self._lock:
            is_done = self._users == 0 and not self._is_retired
            self._is_retired = self._is_retired or is_done
        if is_done:
            self._close()
        return is_done


class Outcomes:
    """How the last answers of an engine ended. Locked, because engines answer in threads."""

    def __init__(self, kept: int = 200) -> None:
        self._ended: deque[tuple[float, bool]] = deque(maxlen=kept)
        self._lock = threading.Lock()
        self.total = {"answered": 0, "failed": 0}

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Count what happens inside as one answer. What the caller did is no failure: a wrong request, a hang-up."""
        try:
            yield
        except (InputError, MissingExtraError, Refusal):
            raise
        except Exception:  # whatever the engine did: it is raised again
            self._count(True)
            raise
        self._count(False)

    def seen(self, since: float = 0.0) -> tuple[int, int]:
        """Return how many of the last answers failed, and how many there were, since a time of `time.monotonic`."""
        with self._lock:
            recent = [has_failed for ended, has_failed in self._ended if ended >= since]
        return sum(recent), len(recent)

    def _count(self, has_failed: bool) -> None:
        with self._lock:
            self._ended.append((time.monotonic(), has_failed))
            self.total["failed" if has_failed else "answered"] += 1


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
    outcomes: Outcomes = field(default_factory=Outcomes)

    @cached_property
    def longest_prompt_bytes(self) -> int:
        """Text longer than this cannot fit the context, whatever it says: every token would be the longest one."""
        codec = self.engine.codec
        return self.engine.context * max(len(codec.token_bytes(token)) for token in range(codec.vocabulary))

    @cached_property
    def fills_in(self) -> bool:
        """Whether its vocabulary has the marks of fill-in-the-middle."""
        return fills_in(self.engine.codec)

    @property
    def card(self) -> ModelCard:
        """What there is to tell about it."""
        engine = self.engine
        return ModelCard(
            self.id, self.reference, self.kind, self.created, engine.context, engine.name, fills_in=self.fills_in
        )


@dataclass(frozen=True)
class ModelCard:
    """What is told of a served name, its engine open or not. `title` and `description` are words for people."""

    id: str
    reference: str
    kind: ModelKind
    created: int
    context: int
    engine: str
    fills_in: bool = False
    title: str | None = None
    description: str | None = None
    is_archived: bool = False
    run: str | None = None
    owner: str | None = None  # who alone may use it; None for a model that is everybody's
    base: str | None = None  # the model whose weights it is an adapter of


def fills_in(codec: Codec) -> bool:
    """Say whether a vocabulary has the marks of fill-in-the-middle."""
    return codec.tokenizer.token_to_id("<|fim_middle|>") is not None


@dataclass(frozen=True)
class Origin:
    """Where a request comes from: what decides which version answers, where a name has two.

    `caller` is the key and the person behind it. `conversation` returns what the requests of a conversation share, or
    nothing where nothing ties a request to others; it is asked only where it matters.
    """

    caller: str
    conversation: Callable[[], str] = str


ModelState = Literal["served", "archived", "deleted"]


@dataclass(frozen=True)
class TrafficShare:
    """What a version does under a name, and its share of the requests.

    Nobody hears a shadow, and one that failed was taken back, so these have none.
    """

    name: str
    reference: str
    role: Literal["stable", "canary", "shadow", "failed"]
    share: float


class ModelSource(Protocol):
    """Where models come from, and which version answers under a name."""

    def models(self) -> list[ServedModel]:
        """Return every version that is open, whatever it is open for."""

    def cards(self) -> list[ModelCard]:
        """Return what is told of every name that is served."""

    def find(self, model_id: str, origin: Origin | None = None) -> ServedModel | None:
        """Return the version that answers a request for a name, if it is open; never waits."""

    def opening(self, model_id: str, origin: Origin | None = None) -> Future[None] | None:
        """Begin to open what `find` did not find; None for a name that nobody serves."""

    def shadow(self, model: ServedModel) -> ServedModel | None:
        """Return the version that is asked, and never heard, beside the one that answered; None where there is none."""

    def shares(self) -> list[TrafficShare]:
        """Return what each version does under each name."""

    def put_into(self, model_id: str, state: ModelState, who: str) -> ModelCard | None:
        """Serve a name, archive or delete it; None for an unknown one. Blocks. Raises Refusal where it stays."""

    def describe(self, model_id: str, title: str | None, description: str | None, who: str) -> ModelCard | None:
        """Give a name other words for people; None for an unknown one. Blocks. Raises Refusal where it stays."""


@dataclass(frozen=True)
class Quota:
    """What one principal may use; None where there is no limit. `weight` is its share when many wait.

    `training_jobs` is how many fine-tuning jobs it may have at once, 0 for none; `training_minutes` how long each of
    them may train.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    weight: float = 1.0
    training_jobs: int = 0
    training_minutes: int | None = None


@dataclass(frozen=True)
class Principal:
    """Who is calling, and what they may use; `line` is where they wait, when not beside their other requests.

    An operator may take models away from everybody. Those of one `workspace` need not have read again what another of
    them sent before; without one, each profits from their own requests alone. `trace` is what a caller follows this
    request by. Without `has_key` it is whoever reaches the server.
    """

    id: str
    quota: Quota = Quota()
    line: str = ""
    is_operator: bool = False
    workspace: str = ""
    trace: str = ""
    has_key: bool = True

    @property
    def cache_salt(self) -> str:
        """Whose earlier requests may shorten the reading of a prompt."""
        return f"workspace {self.workspace}" if self.workspace else f"principal {self.id}"


class Authenticator(Protocol):
    """Who is calling."""

    def principal(self, key: str | None) -> Principal | None:
        """Return who owns this API key, or None when the caller may not come in."""


@dataclass(frozen=True)
class Usage:
    """What one answered request cost; `seconds` is the time its slot was held.

    `joules` is None where nobody can tell, and `energy` says how it was found. `trace` is the caller's, if it traces.
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
    trace: str | None = None


class Meter(Protocol):
    """Who counts what was used."""

    def record(self, usage: Usage) -> None:
        """Count one request, also one that was broken off."""


@dataclass(frozen=True)
class Judged:
    """A rule of a policy that applied, by its place from 1. `text` is there only where a person is to review it."""

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


@dataclass(frozen=True)
class TrainingOrder:
    """A model to make of another one by conversations: its name, and the reference of the one to begin with.

    0 `epochs` or examples in a step mean that the plan decides; `most_seconds` is how long it may train, 0 for ever.
    """

    name: str
    base: str
    epochs: int = 0
    batch_size: int = 0
    rate_factor: float = 1.0
    seed: int = 0
    most_seconds: float = 0.0


# `stopped`: somebody asked it to end, and it saved. `lost`: it ended without a word, or never began.
TrainingStatus = Literal["running", "finished", "failed", "stopped", "lost"]


@dataclass(frozen=True)
class TrainingSeen:
    """How a training is now. `ends_at` is Unix time as far as it can be told, `trained_tokens` known at the end."""

    status: TrainingStatus
    error: str = ""
    ends_at: float | None = None
    trained_tokens: int | None = None


@dataclass(frozen=True)
class TrainingPoint:
    """A state of the weights that was saved. `is_model` when it is the finished one, which is served."""

    step: int
    created: float
    is_model: bool
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrainingEvent:
    """Something a training told: `level` is info, warn or error, and `metrics` has numbers where there are some."""

    id: str
    created: float
    level: str
    message: str
    metrics: Mapping[str, float] | None = None


class RunLauncher(Protocol):
    """Who trains. A training is known by the name of the model it makes; methods block, and none waits for its end."""

    def prepare(
        self,
        order: TrainingOrder,
        conversations: Iterable[Mapping[str, Any]],
        validation: Iterable[Mapping[str, Any]] | None,
    ) -> None:
        """Keep what a training needs. Raises InputError for a base that cannot be trained, and what reading raises."""

    def begin(self, name: str) -> None:
        """Begin a training in the background, or go on with it where it stopped."""

    def stop(self, name: str) -> None:
        """Ask a training to save what it is at, and to end."""

    def look(self, name: str) -> TrainingSeen:
        """Say how a training is."""

    def tell(self, name: str, message: str, level: str = "info") -> None:
        """Add to what a training told."""

    def events(self, name: str) -> Sequence[TrainingEvent]:
        """Return what a training told, oldest first."""

    def points(self, name: str) -> Sequence[TrainingPoint]:
        """Return the states of the weights that are kept, oldest first."""

    def results(self, name: str) -> bytes:
        """Return the curve of a finished training as CSV."""

    def publish(self, name: str, principal: str, is_new: bool) -> None:
        """Serve a finished model to its owner. Raises IngotError when a new one does not answer."""

    def clear(self, name: str, is_finished: bool) -> None:
        """Drop what is no longer needed of a training that is over; without a model, all but what it told."""
