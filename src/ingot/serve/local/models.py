"""The models of a home folder, each under its name, in the version that its release says.

A thread looks at the releases (see `ingot.registry.release`) several times a second, and for new versions every other
one. A version that is to answer is compared with its recorded hashes, opened beside the old one, and asked something;
only when it gives an answer do requests go to it. Requests under way keep the old engine, which stays open for a while
in case somebody wants it back. A version that fails is said once and never served; the old one stays. One that begins
to fail while it answers (see `judging`) is taken back, and the one before it answers again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from types import TracebackType

from ingot.core.errors import BusyError, IngotError, UsageError
from ingot.flow.home import Home
from ingot.registry.files import FileStore
from ingot.registry.release import Release, failing, meant, noted, without
from ingot.registry.release_file import ReleaseFile
from ingot.registry.releasing import Releasing
from ingot.serve.local.cards import Cards
from ingot.serve.local.judging import Judge
from ingot.serve.local.open_models import Opener, OpenModels
from ingot.serve.local.serving import Serving, told
from ingot.serve.ports import ModelCard, ModelState, Origin, Price, ServedModel, TrafficShare
from ingot.serve.refusal import Refusal

_log = logging.getLogger(__name__)
_WARM_SECONDS = 600.0  # how long a version that was replaced stays open
_TICK_SECONDS = 0.2
_RETRY_SECONDS = 5.0
_PATIENCE_SECONDS = 10.0  # how long a request waits for others to make room
_SERVER = "server"


@dataclass(frozen=True)
class OneModel:
    """A model source with a single model, known by its name and by `name@version`."""

    model: ServedModel

    def models(self) -> list[ServedModel]:
        """Return the one model."""
        return [self.model]

    def cards(self) -> list[ModelCard]:
        """Return what is told of the one model."""
        return [self.model.card]

    def find(self, model_id: str, origin: Origin | None = None) -> ServedModel | None:
        """Return the model if it is meant."""
        return self.model if model_id in (self.model.id, self.model.reference) else None

    def opening(self, model_id: str, origin: Origin | None = None) -> Future[None] | None:
        """Return None: what is not open is not served."""
        return None

    def shadow(self, model: ServedModel) -> ServedModel | None:
        """Return None."""
        return None

    def shares(self) -> list[TrafficShare]:
        """Return that the one model answers everything."""
        return [TrafficShare(self.model.id, self.model.reference, "stable", 1.0)]

    def put_into(self, model_id: str, state: ModelState, who: str) -> ModelCard | None:
        """Refuse: the one model stays."""
        raise _stays(model_id)

    def describe(self, model_id: str, title: str | None, description: str | None, who: str) -> ModelCard | None:
        """Refuse as well."""
        raise _stays(model_id)


class HomeModels:
    """Serves names of a home folder: `name` follows its release, or the newest version; `name@2` stays what it is.

    Without names, every name that has a release is served. Use it as a context to follow; leaving it closes engines.
    """

    def __init__(
        self,
        home: Home,
        names: Sequence[str],
        opener: Opener,
        price: Price | None = None,
        seconds: float = 2.0,
        most_bytes: int | None = None,
        warm_seconds: float = _WARM_SECONDS,
    ) -> None:
        self._home, self._store, self._file = home, FileStore(home, with_adapters=True), ReleaseFile(home)
        self._cards = Cards(self._store)
        self._pool = OpenModels(self._store, opener, self._cards, price, most_bytes)
        self._seconds, self._warm_seconds = seconds, warm_seconds
        self._table: dict[str, Serving] = {}  # replaced as a whole: requests read it at any time
        self._asked: dict[str, Future[None]] = {}
        self._failed: dict[str, IngotError] = {}
        self._taken_back: set[tuple[str, str]] = set()  # canaries, by the name they had a share of
        self._judge = Judge()
        self._retry_at: dict[str, float] = {}
        self._warm: dict[str, tuple[str, float]] = {}
        self._turn = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="releases", daemon=True)
        self._state, self._releases = self._file.state(), self._file.read()
        self._told = told(names, self._releases, self._store)
        self._versions = {one.stable: self._versions_of(one.stable) for one in self._wanted().values()}
        try:
            self._open_all()
        except BaseException:
            self._pool.close()
            raise

    def __enter__(self) -> HomeModels:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._pool.close()

    def models(self) -> list[ServedModel]:
        """Return every version that is open, under the name of its model."""
        return self._pool.models()

    def cards(self) -> list[ModelCard]:
        """Return what is told of every name that is served."""
        return [self._card(name, serving) for name, serving in self._table.items()]

    def find(self, model_id: str, origin: Origin | None = None) -> ServedModel | None:
        """Return the version that answers a request for a name, or for `name@version`, if it is open."""
        meant = self._meant(model_id, origin)
        return self._pool.get(*meant) if meant is not None else None

    def opening(self, model_id: str, origin: Origin | None = None) -> Future[None] | None:
        """Begin to open what was closed to make room."""
        meant = self._meant(model_id, origin)
        return self._ask(meant[0], _PATIENCE_SECONDS) if meant is not None else None

    def shadow(self, model: ServedModel) -> ServedModel | None:
        """Return the version that listens beside the stable one, if it is open."""
        serving = self._table.get(model.id)
        if serving is None or serving.shadow is None or serving.stable != model.reference:
            return None
        return self._pool.get(serving.shadow, model.id)

    def shares(self) -> list[TrafficShare]:
        """Return what each version does under each name."""
        return [share for serving in self._table.values() for share in serving.shares()]

    def put_into(self, model_id: str, state: ModelState, who: str) -> ModelCard | None:
        """Serve a name again, archive or delete it. No file of a model is touched."""
        return self._changed(model_id, lambda own: own.put_into(model_id, state), who, is_back=state == "served")

    def describe(self, model_id: str, title: str | None, description: str | None, who: str) -> ModelCard | None:
        """Give a name other words for people."""
        return self._changed(model_id, lambda own: own.describe(model_id, title, description), who)

    def adopt(self, name: str, owner: str, waits: bool = True) -> None:
        """Serve one more name of the home, to its owner alone. Raises IngotError when it does not answer.

        Without `waits` it is opened when somebody asks.
        """
        with self._turn:
            if name in (*self._told.plain, *self._told.pinned):
                return
            self._told = self._told.adopting(name, owner)
            release = self._wanted().get(name)  # none for a name that was archived or deleted
            future = self._ask(self._target(release)) if release is not None and waits else None
        try:
            if future is not None:
                future.result()
        except BusyError:
            pass  # it is opened when there is room and somebody asks
        except BaseException:
            with self._turn:
                self._told = self._told.without(name)
            raise
        finally:
            self._tick()

    def look(self) -> None:
        """Look for changes and new versions once, and wait until they are served or have failed."""
        self._scan()
        self._tick()
        while self._asked:
            wait(list(self._asked.values()))
            self._tick()

    # What follows runs in one thread at a time.

    def _follow(self) -> None:
        scanned = time.monotonic()
        while not self._ended.wait(min(_TICK_SECONDS, self._seconds)):
            try:
                if time.monotonic() - scanned >= self._seconds:
                    scanned = time.monotonic()
                    self._scan()
                self._tick()
            except Exception:
                _log.exception("looking for new versions failed; it is tried again")

    def _scan(self) -> None:
        """Find out which versions are the newest, and how much the engines hold."""
        followed = {one.stable for one in self._wanted().values() if "@" not in one.stable}
        self._versions |= {name: self._versions_of(name) for name in followed}
        self._pool.look()

    def _tick(self) -> None:
        with self._turn:
            if self._file.state() != self._state:
                self._read()
            for reference, future in list(self._asked.items()):  # a request may ask for another one meanwhile
                if future.done() and self._asked[reference] is future:
                    del self._asked[reference]
                    self._heed(reference, future)
            self._check()
            self._apply()

    def _read(self) -> None:
        state = self._file.state()
        try:
            releases = self._file.read()
        except IngotError as error:
            _log.error("the releases stay as they were: %s", error)
            releases = self._releases
        for name, release in releases.items():
            before = self._releases.get(name)
            if before is None or before.history != release.history:
                _log.warning("%s: %s", name, release.history[-1].what if release.history else "changed by hand")
                if release.history and release.history[-1].who != _SERVER:
                    for version in release.versions:  # somebody wants it tried again
                        self._failed.pop(version, None)
                        self._taken_back.discard((name, version))
                        self._judge.begin(name, version)
        self._state, self._releases = state, releases

    def _wanted(self) -> dict[str, Release]:
        return self._told.wanted(self._releases)

    def _apply(self) -> None:
        """Let every name be answered as its release says, as far as the versions are ready."""
        before = self._table
        table = {name: self._serving(release, before.get(name)) for name, release in self._wanted().items()}
        self._table = table
        until = time.monotonic() + self._warm_seconds
        for name, serving in before.items():
            if name in table and table[name].stable != serving.stable:
                self._warm[name] = (serving.stable, until)
                _log.warning("%s is served now, after %s", table[name].stable, serving.stable)
        self._warm = {name: (one, end) for name, (one, end) in self._warm.items() if end > time.monotonic()}
        needed = {one for serving in table.values() for one in serving.references}
        self._pool.keep(needed, {*(one for one, _ in self._warm.values()), *self._asked})

    def _serving(self, release: Release, before: Serving | None) -> Serving:
        target = self._target(release)
        stable = before.stable if before is not None and not self._pool.is_open(target) else target
        if (before is None and release.name not in self._told.adopted) or target != stable:
            self._try(target)
        others = {one for one in release.versions[1:] if (release.name, one) not in self._taken_back}
        for version in others - self._pool.passed:
            self._try(version)
        ready = others & self._pool.passed
        canary = release.canary if release.canary and release.canary.version in ready else None
        return Serving(release, stable, canary, release.shadow if release.shadow in ready else None)

    def _target(self, release: Release) -> str:
        if release.stable not in self._versions:
            self._versions[release.stable] = self._versions_of(release.stable)
        return meant(release, self._versions[release.stable])

    def _versions_of(self, reference: str) -> list[str]:
        """Return the versions of a model, oldest first, or the one that is named. Raises UsageError without any."""
        named = [one.reference for one in self._store.models() if one.name == reference]
        return named or [self._store.get(reference).reference]

    def _try(self, reference: str) -> None:
        is_due = time.monotonic() >= self._retry_at.get(reference, 0.0)
        if reference not in self._failed and is_due and not self._pool.is_open(reference):
            self._ask(reference)

    def _ask(self, reference: str, patience: float = 0.0) -> Future[None]:
        if reference in self._failed:
            refused: Future[None] = Future()
            refused.set_exception(self._failed[reference])
            return refused
        self._asked[reference] = future = self._pool.opening(reference, patience)
        return future

    def _heed(self, reference: str, future: Future[None]) -> None:
        """Do what follows from an attempt to open a version."""
        error = None if future.cancelled() else future.exception()
        if error is None:
            self._retry_at.pop(reference, None)
            return
        if isinstance(error, BusyError):
            if reference not in self._retry_at:
                self._say_it_waits(reference, error)
            self._retry_at[reference] = time.monotonic() + _RETRY_SECONDS
            return
        self._failed[reference] = error if isinstance(error, IngotError) else UsageError(str(error))
        for name, serving in list(self._table.items()):
            if reference in (*serving.release.versions, self._target(serving.release)):
                stays = "" if serving.stable == reference else f", {serving.stable} stays"
                _log.error("%s is not served%s: %s", reference, stays, error)
                # Where nothing else answers, all that a name follows may fail alike: that is no reason to give one up.
                others = self._versions_of_followed(serving.release) if stays else ()
                self._take_back(name, reference, str(error).partition("\n")[0], others)

    def _say_it_waits(self, reference: str, error: BusyError) -> None:
        """Tell whoever changed a release why nothing happens yet."""
        _log.warning("%s", error)
        for name, serving in list(self._table.items()):
            if name in self._releases and reference != serving.stable and reference in serving.release.versions:
                self._change(name, lambda old: old and noted(old, _SERVER, f"{reference} waits: {error.what}"))

    def _check(self) -> None:
        """Take back what has begun to fail. A version that the server was started to serve stays, whatever it does."""
        for name, serving in list(self._table.items()):
            canary, stable = serving.canary, self._pool.get(serving.stable, name)
            tried = self._pool.get(canary.version, name) if canary is not None else None
            if canary is not None and tried is not None and (why := self._judge.flaw(name, tried, canary)):
                self._taken_back.add((name, canary.version))  # it gets nothing more, whatever the file says
                _log.error("the canary %s of %s is taken back: %s", canary.version, name, why)
                self._take_back(name, canary.version, why)
            if name in self._told.pinned or stable is None or self._target(serving.release) != stable.reference:
                continue
            if (why := self._judge.flaw(name, stable)) and not self._fall_back(name, stable.reference, why):
                _log.error("%s fails and stays, as nothing a server may go back to is left: %s", stable.reference, why)

    def _fall_back(self, name: str, version: str, why: str) -> bool:
        """Let what answered before answer again; say whether there was something, and a person brought this here."""

        def how(release: Release | None) -> Release | None:
            release = release or Release(name, name)
            return failing(release, version, _SERVER, why, self._versions_of_followed(release))

        return self._change(name, how)

    def _versions_of_followed(self, release: Release) -> Sequence[str]:
        return () if "@" in release.stable else self._versions.get(release.stable, ())

    def _take_back(self, name: str, version: str, why: str, others: Sequence[str] = ()) -> bool:
        """Take a version that failed out of a release; say whether there was something to take.

        `others` are the versions of the model that it follows, where it may leave one out.
        """

        def how(release: Release | None) -> Release | None:
            release = release or (Release(name, name) if others else None)
            return None if release is None else without(release, version, _SERVER, why, others)

        return self._change(name, how)

    def _change(self, name: str, how: Callable[[Release | None], Release | None]) -> bool:
        """Change a release; say whether that was done. A file that cannot be written must not stop the server."""
        try:
            is_changed = self._file.change(name, how) is not None
        except (IngotError, OSError) as error:
            _log.error("the release of %s cannot be written: %s", name, error)
            changed = how(self._releases.get(name))
            self._releases = self._releases if changed is None else {**self._releases, name: changed}
            return changed is not None
        self._read()
        return is_changed

    def _open_all(self) -> None:
        """Open what answers under every name, as far as there is room; what has failed goes back to what was before."""
        for name in list(self._wanted()):
            while not self._open_first(name, self._target(self._wanted()[name])):
                pass
            # Before the first request, so that conversations it has begun stay with it.
            canary = self._wanted()[name].canary
            if canary is not None:
                self._open_first(name, canary.version)
        for name in [name for name in self._told.plain if name not in self._wanted()]:
            state = self._releases[name].state
            _log.warning("%s is %s, and not served until somebody says: ingot release restore %s", name, state, name)
        self._apply()

    def _open_first(self, name: str, version: str) -> bool:
        """Open a version, or leave it to who asks; say False when the release has gone back to another one."""
        try:
            self._pool.opening(version, patience=None).result()
        except BusyError as error:
            _log.warning("%s is opened when somebody asks: %s", version, error.what)
        except Exception as error:  # whatever is wrong with it: what answered before may still do
            if not self._take_back(name, version, str(error).partition("\n")[0]):
                raise
            return False
        return True

    def _meant(self, model_id: str, origin: Origin | None) -> tuple[str, str] | None:
        serving = self._table.get(model_id)
        if not self._told.may(model_id.partition("@")[0], origin):
            return None
        if serving is not None:
            return serving.pick(origin), model_id
        for name, other in self._table.items():
            if model_id == other.stable or (other.canary is not None and model_id == other.canary.version):
                return model_id, name
        return None

    def _card(self, name: str, serving: Serving) -> ModelCard:
        card = self._cards.card(serving.release, serving.stable, self._pool.get(serving.stable, name))
        return replace(card, owner=self._told.adopted.get(name))

    def _changed(
        self, name: str, how: Callable[[Releasing], Release], who: str, is_back: bool = False
    ) -> ModelCard | None:
        if name in self._told.pinned:
            raise _stays(name)
        release = self._releases.get(name)
        is_kept = is_back and self._told.includes(name) and release is not None and release.state == "archived"
        if name not in self._table and not is_kept:
            return None
        changed = how(Releasing(self._home, who))
        self._tick()
        serving = self._table.get(name) or Serving(changed, self._target(changed))
        return self._card(name, serving)


def _stays(name: str) -> Refusal:
    message = f"{name!r} stays as it is: this server was started to serve exactly this version of it"
    return Refusal(409, message, param="model", code="conflict")
