"""The ports filled with files: one model of the home folder, keys from a file, usage appended to a file.

This is all `ingot serve` needs. Without a key file anybody on this machine may ask, so listening beyond this machine
requires one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from filelock import FileLock

from ingot.core.errors import InputError, UsageError
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.infer.engine import open_engine
from ingot.registry.files import FileStore
from ingot.serve.app import create_app
from ingot.serve.doors import LOOPBACK_NAMES, KnownAs
from ingot.serve.gateway import Limits
from ingot.serve.ports import ServedModel, Usage

USAGE_FILE = "usage.jsonl"
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # addresses to listen on, not names to be known by


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


class Anybody:
    """An authenticator for a server that only this machine reaches."""

    def principal(self, key: str | None) -> str:
        """Let everybody in."""
        return "local"


class KeyFile:
    """An authenticator that accepts the keys of a file: one a line, `#` begins a comment."""

    def __init__(self, path: Path) -> None:
        lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
        self._digests = [_digest(line) for line in lines if line]
        if not self._digests:
            raise InputError("the key file holds no key", where=str(path), fix="write one key a line into it")

    def principal(self, key: str | None) -> str | None:
        """Return the owner of a key: the first digits of its hash, so that usage can be told apart without the key."""
        if key is None:
            return None
        digest = _digest(key)
        # Compare with every key in constant time: how long a refusal takes must say nothing about the keys.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return f"key-{digest.hex()[:8]}" if any(matches) else None


class UsageFile:
    """A meter that appends one line of JSON for each request.

    A file that has grown to `most_bytes` becomes `<name>.1.jsonl`, in place of an earlier one: the two together stay
    below twice that, and hold the last `most_bytes` of requests at least. Several servers may share them.
    """

    def __init__(self, path: Path, most_bytes: int = 64_000_000) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._most_bytes = path, most_bytes
        self._lock = FileLock(path.with_suffix(".lock"))

    def record(self, usage: Usage) -> None:
        """Append one request."""
        line = json.dumps({"time": round(time.time(), 3), **asdict(usage)}) + "\n"
        with self._lock:
            if self._path.exists() and self._path.stat().st_size + len(line) > self._most_bytes:
                self._path.replace(self._path.with_suffix(f".1{self._path.suffix}"))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)


def local_app(
    home: Home,
    name: str,
    engine: str = "auto",
    key_file: Path | None = None,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    warn: Callable[[str], object] = warnings.warn,
) -> FastAPI:
    """Open the model `name` (or `name@version`) and return the application that serves it on `host`.

    The files are compared with their recorded hashes first. Raises UsageError for an unknown name, or when the server
    would be open to the network without a key.
    """
    if key_file is None and host not in LOOPBACK_NAMES:
        raise UsageError(
            f"listening on {host} lets other machines in, and no key is asked for",
            where="--host",
            why="everybody on the network could use the model, and read what it learned",
            fix="add --key-file FILE with an API key, or leave out --host",
        )
    store = FileStore(home)
    artifact = store.get(name)
    store.verify(artifact)
    source = OneModel(_served(artifact, engine, warn))
    authenticator = Anybody() if key_file is None else KeyFile(key_file)
    return create_app(source, authenticator, UsageFile(home.path / USAGE_FILE), limits, known_names(host))


def known_names(host: str) -> KnownAs:
    """Return the names a server that listens on `host` may be addressed by."""
    if host in LOOPBACK_NAMES:
        return KnownAs()
    own = {socket.gethostname().lower(), host.lower()} - _EVERYWHERE
    return KnownAs(LOOPBACK_NAMES | own, any_address=True)


def _served(artifact: Artifact, engine: str, warn: Callable[[str], object]) -> ServedModel:
    return ServedModel(
        id=artifact.name,
        reference=artifact.reference,
        kind="base" if artifact.facts.get("kind", "base") == "base" else "chat",
        created=int(datetime.fromisoformat(artifact.record.finished).timestamp()),
        engine=open_engine(artifact.path, engine, warn),
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8")).digest()
