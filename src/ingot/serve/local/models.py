"""The models of a home folder, each under its name, always in the newest version that answers.

A thread looks for new versions. One that appears is compared with its recorded hashes, opened beside the old one, and
asked something; only when it gives an answer do new requests go to it. Requests under way keep the old engine, which
is closed after the last of them. A version that fails is said once and never served; the old one stays.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.engine import Engine
from ingot.infer.sampling import GREEDY
from ingot.registry.files import FileStore
from ingot.serve.ports import Lease, Price, ServedModel

_log = logging.getLogger(__name__)
_SMOKE_TOKENS = 4

Opener = Callable[[Artifact], Engine]


@dataclass(frozen=True)
class OneModel:
    """A model source with a single model, known by its name and by `name@version`."""

    model: ServedModel

    def models(self) -> list[ServedModel]:
        """Return the one model."""
        return [self.model]

    def find(self, model_id: str) -> ServedModel | None:
        """Return the model if it is meant."""
        return self.model if model_id in (self.model.id, self.model.reference) else None


class HomeModels:
    """Serves names of a home folder: `name` follows the newest version, `name@2` stays what it is.

    Use it as a context to follow; leaving it closes the engines.
    """

    def __init__(
        self, home: Home, names: Sequence[str], opener: Opener, price: Price | None = None, seconds: float = 2.0
    ) -> None:
        self._store, self._open, self._price, self._seconds = FileStore(home), opener, price, seconds
        self._served: dict[str, ServedModel] = {}
        self._failed: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="new-versions", daemon=True)
        artifacts = {name: self._store.get(name) for name in dict.fromkeys(names)}
        _refuse_twice(artifacts)
        try:
            for name, artifact in artifacts.items():
                self._served[name] = self._opened(artifact)
        except BaseException:
            self._retire_all()
            raise

    def __enter__(self) -> HomeModels:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._retire_all()

    def models(self) -> list[ServedModel]:
        """Return every model that is served."""
        return list(self._served.values())

    def find(self, model_id: str) -> ServedModel | None:
        """Return the model of this name or reference."""
        return next((one for one in self._served.values() if model_id in (one.id, one.reference)), None)

    def look(self) -> None:
        """Look for new versions once, and serve those that answer."""
        for name in [name for name in self._served if "@" not in name]:
            newest = self._store.get(name)
            if newest.reference not in (self._served[name].reference, *self._failed):
                self._replace(name, newest)

    def _replace(self, name: str, newest: Artifact) -> None:
        old = self._served[name]
        try:
            self._served[name] = self._opened(newest)
        except Exception as error:
            self._failed.add(newest.reference)
            _log.error("%s is not served, %s stays: %s", newest.reference, old.reference, error)
            return
        _log.warning("%s is served now, after %s", newest.reference, old.reference)
        old.lease.retire()

    def _opened(self, artifact: Artifact) -> ServedModel:
        self._store.verify(artifact)
        engine = self._open(artifact)
        try:
            smoke(engine)
        except BaseException:
            engine.close()
            raise
        return replace(served(artifact, engine), price=self._price)

    def _follow(self) -> None:
        while not self._ended.wait(self._seconds):
            try:
                self.look()
            except Exception:
                _log.exception("looking for new versions failed; it is tried again")

    def _retire_all(self) -> None:
        for model in self._served.values():
            model.lease.retire()


def served(artifact: Artifact, engine: Engine) -> ServedModel:
    """Return a model of the home as it is served; its engine is closed once its lease is retired."""
    return ServedModel(
        id=artifact.name,
        reference=artifact.reference,
        kind="base" if artifact.facts.get("kind", "base") == "base" else "chat",
        created=int(datetime.fromisoformat(artifact.record.finished).timestamp()),
        engine=engine,
        lease=Lease(engine.close),
    )


def smoke(engine: Engine) -> None:
    """Ask an engine for a few tokens. Raises InputError when what comes cannot be an answer.

    Weights that hold a NaN give no probabilities, and a table of another vocabulary gives ids that mean nothing.
    """
    params = replace(GREEDY, max_tokens=_SMOKE_TOKENS)
    tokens = list(engine.generate([engine.codec.bos], params))
    wrong = [token for token in tokens if not 0 <= token.id < engine.codec.vocabulary]
    unsure = [token for token in tokens if token.logprob is not None and not math.isfinite(token.logprob)]
    if not tokens or wrong or unsure:
        raise InputError(
            "the model gives no probabilities" if unsure else "the model writes no text",
            why="its weights are damaged, or belong to another vocabulary",
            fix="build it again; the version before it stays in the home",
        )


def _refuse_twice(artifacts: dict[str, Artifact]) -> None:
    names = [artifact.name for artifact in artifacts.values()]
    for name in names:
        if names.count(name) > 1:
            what = f"{name!r} would be served in two versions under one name"
            raise UsageError(what, where="NAME", fix="serve one of them here, and the other on another port")
