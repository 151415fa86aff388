"""The server of one home folder."""

from __future__ import annotations

import os
import secrets
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from fastapi import FastAPI

from ingot.core.errors import InputError, UsageError
from ingot.core.storage import room_on_disk
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.adapted import Adapted
from ingot.infer.engine import REFERENCE_ENGINE, Engine, open_engine
from ingot.registry.files import FileStore
from ingot.serve.app import create_app
from ingot.serve.doors import LOOPBACK_NAMES, KnownAs
from ingot.serve.gateway import Limits
from ingot.serve.guarding import Judges
from ingot.serve.links import KEY_BYTES, Links
from ingot.serve.local.adapters import has_adapters
from ingot.serve.local.decisions import DECISIONS_FILE, DecisionFile
from ingot.serve.local.keys import Anybody, KeyFile
from ingot.serve.local.launcher import HomeLauncher
from ingot.serve.local.models import HomeModels
from ingot.serve.local.scorers import HomeScorers
from ingot.serve.local.store import FolderStore
from ingot.serve.local.usage import USAGE_FILE, UsageFile
from ingot.serve.policies import Policies, read_policies
from ingot.serve.ports import ModelSource, Price

STORE_FOLDER = "serve"
LINK_KEY = "links.key"
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # addresses to listen on, not names to be known by


def local_app(
    home: Home,
    names: Sequence[str],
    engine: str = "auto",
    key_file: Path | None = None,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    price: Price | None = None,
    warn: Callable[[str], object] = warnings.warn,
    supervised: bool = True,
    policies: Path | None = None,
    classifiers: Sequence[str] = (),
    most_bytes: int | None = None,
    draft: str | None = None,
    known_as: Sequence[str] = (),
) -> FastAPI:
    """Open the models `names` (or `name@version`) and return the application that serves them on `host`.

    Each runs in a child process that is started again when it dies, unless `supervised` is off. `policies` is a file
    that says what they may read and answer, `classifiers` names artifacts that tell classes apart. Together the models
    hold `most_bytes` at most, where that is given: idle ones are closed for others. `draft` names a smaller model that
    guesses ahead for all of them. `known_as` are names by which it may be addressed beside the machine's own.

    The files are compared with their recorded hashes first. Raises UsageError for an unknown name, or when the server
    would be open to the network without a key.
    """
    if key_file is None and (host not in LOOPBACK_NAMES or known_as):
        is_near = host in LOOPBACK_NAMES
        what, option = (f"the name {known_as[0]}", "--known-as") if is_near else (f"listening on {host}", "--host")
        raise UsageError(
            f"{what} lets other machines in, and no key is asked for",
            where=option,
            why="everybody on the network could use the model, and read what it learned",
            fix=f"add --key-file FILE with an API key, or leave out {option}",
        )

    guessing = None if draft is None else _verified(home, draft)

    def opener(artifact: Artifact) -> Engine:
        chosen = REFERENCE_ENGINE if engine == "auto" and has_adapters(home, names, artifact.reference) else engine
        return open_engine(artifact.path, chosen, warn, supervised=supervised, draft=guessing)

    authenticator = Anybody() if key_file is None else KeyFile(key_file)
    source = HomeModels(home, names, opener, price, most_bytes=most_bytes)
    meter = UsageFile(home.path / USAGE_FILE)
    limits = limits or Limits(tokens=cache_tokens(source))
    store = FolderStore(home.path / STORE_FOLDER)
    judges = judges_of(home, source, policies, classifiers)
    launcher = HomeLauncher(home, source.adopt)
    while_up = _open(source, meter, launcher)
    links = Links(link_key(home.path / LINK_KEY))
    return create_app(
        source, authenticator, meter, store, limits, known_names(host, known_as), while_up, judges, launcher, links
    )


def _verified(home: Home, name: str) -> Path:
    store = FileStore(home)
    artifact = store.get(name)
    store.verify(artifact)
    return artifact.path


@contextmanager
def _open(source: HomeModels, meter: UsageFile, launcher: HomeLauncher) -> Iterator[None]:
    with source, closing(meter), closing(launcher):
        yield


def link_key(path: Path) -> bytes:
    """Return the key of links to files; it is drawn once, and only its owner may read it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
        path.unlink()  # a crash has torn it: links that were made with it end here
        return link_key(path)
    with room_on_disk(path.parent), os.fdopen(descriptor, "wb") as file:
        key = secrets.token_bytes(KEY_BYTES)
        file.write(key)
    return key


def judges_of(home: Home, source: ModelSource, policies: Path | None, classifiers: Sequence[str]) -> Judges:
    """Return who judges texts: the policies of a file, and classifiers of the home by their names."""
    scorers = HomeScorers(home, source)
    read = Policies() if policies is None else read_policies(_text(policies), str(policies), scorers)
    by_name = {name: scorers.classifier(name) for name in classifiers}
    return Judges(read, DecisionFile(home.path / DECISIONS_FILE), by_name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        why = f"it is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}"
        raise InputError("the policies cannot be read", where=str(path), why=why, fix="save them as UTF-8") from None


def cache_tokens(source: ModelSource) -> int | None:
    """Return how many tokens the engines can hold together, or None when one of them does not tell, or none is open."""
    # An adapter shares the engine of its base, which is open as well and counts for both.
    engines = [model.engine for model in source.models() if not isinstance(model.engine, Adapted)]
    totals = [engine.stats().cache_tokens_total for engine in engines]
    known = [total for total in totals if total is not None]
    return sum(known) if known and len(known) == len(totals) else None


def known_names(host: str, others: Sequence[str] = ()) -> KnownAs:
    """Return the names a server that listens on `host` may be addressed by, with `others` that its owner says."""
    said = {name.lower() for name in others}
    if host in LOOPBACK_NAMES:
        return KnownAs(LOOPBACK_NAMES | said)
    own = ({socket.gethostname().lower(), host.lower()} - _EVERYWHERE) | said
    return KnownAs(LOOPBACK_NAMES | own, any_address=True)
