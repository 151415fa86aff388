"""The engines that are open: opened one after another, let go when memory is needed, never under an answer.

    1. `opening` hands a version to the loader, a thread of its own, and returns a future
    2. the loader makes room: of the versions that nobody uses just now, the least recently used one goes first
    3. it compares the files with their recorded hashes, opens the engine and asks it something (see `smoke`)
    4. from then on `get` returns it, until it is let go

One that is an adapter beside another model answers through the engine of that one, which is opened first where it is
not open, and stays as long as any of its adapters: their weights are let go one by one, those of the base once, last.

How much a version holds is guessed from its files before it is open; once its engine runs in a process of its own, that
process is looked at.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import psutil

from ingot.core.errors import BusyError, InputError
from ingot.core.storage import as_size
from ingot.flow.artifact import Artifact
from ingot.infer.adapted import open_adapter
from ingot.infer.engine import Engine
from ingot.registry.files import FileStore
from ingot.serve.local.cards import Cards, created, kind_of
from ingot.serve.local.smoke import smoke
from ingot.serve.ports import Lease, Price, ServedModel

_log = logging.getLogger(__name__)
_GRACE_SECONDS = 1.0  # whoever waited for a version to open gets to use it
_LOOK_SECONDS = 0.05
_PROCESS_BYTES = 200 << 20  # what a child holds beside the weights

Opener = Callable[[Artifact], Engine]


@dataclass
class _Open:
    model: ServedModel
    bytes: int
    closed: Future[None]
    base: str | None = None  # whose weights it uses
    named: dict[str, ServedModel] = field(default_factory=dict)

    @property
    def is_idle(self) -> bool:
        return self.model.lease.is_idle and time.monotonic() - self.model.lease.last_used > _GRACE_SECONDS

    def under(self, name: str) -> ServedModel:
        """Return the model as it is called under a served name; what it computed about itself is kept."""
        if name not in self.named:
            self.named[name] = replace(self.model, id=name)
        return self.named[name]


class OpenModels:
    """The open versions of a home; together they hold at most `most_bytes`, where that is given."""

    def __init__(
        self, store: FileStore, opener: Opener, cards: Cards, price: Price | None, most_bytes: int | None
    ) -> None:
        self._store, self._open_engine, self._cards = store, opener, cards
        self._price, self._most_bytes = price, most_bytes
        self._open: dict[str, _Open] = {}  # replaced as a whole, so that it may be read without a lock
        self._opening: dict[str, Future[None]] = {}
        self._lock = threading.Lock()
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="open-model")
        self._closer = ThreadPoolExecutor(1, thread_name_prefix="close-model")
        self._needed: frozenset[str] = frozenset()
        self._awaited: list[str] = []  # the base of the adapter that is being opened
        self.passed: set[str] = set()  # every version that has passed the gate

    def get(self, reference: str, name: str) -> ServedModel | None:
        """Return an open version under a served name, or None; never waits."""
        found = self._open.get(reference)
        return found.under(name) if found is not None else None

    def is_open(self, reference: str) -> bool:
        """Say whether a version is open."""
        return reference in self._open

    def models(self) -> list[ServedModel]:
        """Return every open version under the name of its model."""
        return [one.model for one in self._open.values()]

    def opening(self, reference: str, patience: float | None = 0.0) -> Future[None]:
        """Begin to open a version, or join who has begun.

        Idle ones are closed for it, and if there are none, it waits for one so many seconds; with None it takes only
        room that is free. The future raises InputError for a version that cannot answer or never fits, and BusyError
        when there was no room.
        """
        with self._lock:
            future = self._opening.get(reference)
            if future is None:
                future = self._loader.submit(self._load_one, reference, patience)
                self._opening[reference] = future
                future.add_done_callback(lambda _: self._opening.pop(reference, None))
        return future

    def keep(self, needed: Collection[str], spare: Collection[str] = ()) -> None:
        """Let go of every version that is neither needed nor spare; answers under way end with it.

        A spare one is open only in case somebody wants it back: it goes first when there is no room.
        """
        self._needed = frozenset(needed)
        kept = {*needed, *spare}
        # An adapter that is being opened counts on its base, which nobody else may need.
        kept |= {base for base, users in self._beside_bases().items() if users & kept} | set(self._awaited)
        self.passed &= kept
        for reference in [one for one in self._open if one not in kept]:
            if (dropped := self._drop(reference)) is not None:
                dropped.model.lease.retire()

    def look(self) -> None:
        """Look how much the engines hold by now, and let idle ones go while it is too much."""
        for one in self._open.values():
            one.bytes = _held(one.model.engine) or one.bytes
        if self._most_bytes is not None:
            while sum(one.bytes for one in self._open.values()) > self._most_bytes and self._evict(frozenset()):
                pass

    def close(self) -> None:
        """Let go of everything, and wait until it is closed."""
        self._loader.shutdown(cancel_futures=True)
        self.keep(())
        self._closer.shutdown()

    def _load_one(self, reference: str, patience: float | None) -> None:
        try:
            self._load(reference, patience)
        finally:
            self._awaited.clear()

    def _load(self, reference: str, patience: float | None) -> None:
        if reference in self._open:
            return
        artifact = self._store.get(reference)
        with ExitStack() as undo:
            base = self._leased(artifact.facts["base"], patience, undo) if "base" in artifact.facts else None
            needs = weight(artifact)
            self._make_room(reference, needs, patience)
            self._store.verify(artifact)
            engine = self._open_engine(artifact) if base is None else self._beside_base(artifact, base)
            undo.callback(engine.close)
            smoke(engine)
            engine.codec.prepare()
            self._keep_open(artifact, engine, needs, base)
            undo.pop_all()

    def _leased(self, reference: str, patience: float | None, undo: ExitStack) -> ServedModel:
        """Return the base of an adapter, open, and not to be closed before `undo` or its adapters let it go."""
        self._awaited.append(reference)
        while True:
            self._load(reference, patience)
            found = self._open.get(reference)
            if found is not None and found.model.lease.take():
                undo.callback(found.model.lease.give_back)
                return found.model

    def _beside_base(self, artifact: Artifact, base: ServedModel) -> Engine:
        folder = self._store.get(base.reference).path
        return open_adapter(base.engine, base.reference, folder, artifact.path)

    def _keep_open(self, artifact: Artifact, engine: Engine, needs: int, base: ServedModel | None) -> None:
        reference, closed = artifact.reference, Future[None]()

        def close() -> None:
            self._close(reference, engine, closed, base)

        model = replace(served(artifact, engine), price=self._price, lease=Lease(close))
        self._cards.learn(artifact, engine.codec)
        with self._lock:
            opened = _Open(model, _held(engine) or needs, closed, base.reference if base else None)
            self._open = {**self._open, reference: opened}
            self.passed.add(reference)

    def _make_room(self, reference: str, needs: int, patience: float | None) -> None:
        if self._most_bytes is None:
            return
        if needs > self._most_bytes:
            raise InputError(
                f"{reference} does not fit: it holds about {as_size(needs)}, and models may hold "
                f"{as_size(self._most_bytes)} together",
                where="--memory",
                why="the machine would swap or end the server",
                fix="give more memory, or build a smaller model",
            )
        until = time.monotonic() + (patience or 0.0)
        while (held := sum(one.bytes for one in self._open.values())) + needs > self._most_bytes:
            if patience is not None and self._evict(self._beside(reference)):
                continue
            if time.monotonic() >= until:
                raise BusyError(
                    f"there is no room for {reference} now: it holds about {as_size(needs)}, and of "
                    f"{as_size(self._most_bytes)} the models that stay open hold {as_size(held)}",
                    where="--memory",
                    fix="ask again in a moment, or give more memory",
                )
            time.sleep(_LOOK_SECONDS)

    def _beside(self, reference: str) -> frozenset[str]:
        """Return what stays open whatever happens: the other versions of a model that is about to change."""
        name = reference.partition("@")[0]
        return frozenset(one for one in self._needed if one.partition("@")[0] == name and one != reference)

    def _evict(self, kept: Collection[str]) -> bool:
        """Close the version that was not used for longest; say whether there was one that nobody uses."""
        idle = [(one.model.lease.last_used, name) for name, one in self._open.items() if one.is_idle]
        order = sorted((name in self._needed, used, name) for used, name in idle if name not in kept)
        for _, _, name in order:
            one = self._open.get(name)
            if one is not None and one.model.lease.retire_if_idle():
                self._drop(name)
                one.closed.result()
                _log.warning("%s was closed to make room; it is opened again when somebody asks", name)
                return True
        return False

    def _drop(self, reference: str) -> _Open | None:
        with self._lock:
            one = self._open.get(reference)
            self._open = {name: other for name, other in self._open.items() if name != reference}
        return one

    def _beside_bases(self) -> dict[str, set[str]]:
        """Return which open versions use the weights of another one, by that one."""
        found: dict[str, set[str]] = {}
        for reference, one in self._open.items():
            if one.base is not None:
                found.setdefault(one.base, set()).add(reference)
        return found

    def _close(self, reference: str, engine: Engine, closed: Future[None], base: ServedModel | None) -> None:
        """Close an engine in a thread of its own: the last answer may end on the event loop, which must not wait."""

        def close() -> None:
            try:
                engine.close()
            except Exception:
                _log.exception("%s could not be closed", reference)
            if base is not None:
                base.lease.give_back()
            closed.set_result(None)

        try:
            self._closer.submit(close)
        except RuntimeError:  # the server has ended already
            close()


def served(artifact: Artifact, engine: Engine) -> ServedModel:
    """Return a model of the home as it is served; its engine is closed once its lease is retired."""
    return ServedModel(
        id=artifact.name,
        reference=artifact.reference,
        kind=kind_of(artifact),
        created=created(artifact),
        engine=engine,
        lease=Lease(engine.close),
    )


def weight(artifact: Artifact) -> int:
    """Return how many bytes a model will about hold: its largest file, and the process around it, if it has its own."""
    largest = max((entry.bytes for entry in artifact.record.files.values()), default=0)
    return largest if "base" in artifact.facts else largest + _PROCESS_BYTES


def _held(engine: Engine) -> int | None:
    """Return the memory of an engine's own process; None where it has none, or has just lost it."""
    process = getattr(engine, "process_id", None)
    if process is None:
        return None
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return None
