"""Who may ask: anybody on this machine, or the owner of a key in a file."""

from __future__ import annotations

import hashlib
import hmac
import logging
from dataclasses import dataclass, fields
from pathlib import Path

from ingot.core.errors import InputError, suggest
from ingot.serve.ports import Principal, Quota

_log = logging.getLogger(__name__)
_LOCAL = Quota(training_jobs=8)
_LIMITS = {field.name: float if field.name == "weight" else int for field in fields(Quota)}
_OPERATOR = "operator"


@dataclass(frozen=True)
class _Key:
    digest: bytes
    quota: Quota
    is_operator: bool


class Anybody:
    """An authenticator for a server that only this machine reaches."""

    def principal(self, key: str | None) -> Principal:
        """Let everybody in; of them, the user this server runs as may train, too (see routes/fine_tuning)."""
        return Principal("local", _LOCAL, has_key=False)


class KeyFile:
    """An authenticator that accepts the keys of a file: one a line, `#` begins a comment.

    Limits may follow a key: `KEY requests_per_minute=60 tokens_per_minute=20000 tokens_per_day=1000000 weight=2`. Only
    one with `training_jobs=1` (or more) may fine-tune, each job for `training_minutes=60` at most where that is said.
    Only one with the word `operator` may rename, archive or delete what is served. A file that was changed is read
    again, so that a key that is taken out is refused from the next request on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = _state(path)
        self._keys = read_keys(path)

    def principal(self, key: str | None) -> Principal | None:
        """Return the owner of a key: the first digits of its hash, so that usage can be told apart without the key."""
        self._follow()
        if key is None:
            return None
        digest = _digest(key)
        # Compare with every key in constant time: how long a refusal takes must say nothing about the keys.
        matches = [known for known in self._keys if hmac.compare_digest(digest, known.digest)]
        if not matches:
            return None
        return Principal(f"key-{digest.hex()[:8]}", matches[0].quota, is_operator=matches[0].is_operator)

    def _follow(self) -> None:
        state = _state(self._path)
        if state == self._read_at:
            return
        self._read_at = state
        try:
            self._keys = read_keys(self._path)
        except (InputError, OSError) as error:
            # A file that cannot be read may be the one that revokes a key.
            self._keys = []
            _log.error("the key file cannot be read, so nobody comes in until it can: %s", error)


def read_keys(path: Path) -> list[_Key]:
    """Return the keys of a file, hashed, with what they may do. Raises InputError naming the line that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        why = f"it is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}"
        raise InputError("the key file cannot be read", where=str(path), why=why, fix="write one key a line") from None
    keys = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words:
            limits = [word for word in words[1:] if word != _OPERATOR]
            quota = _quota(limits, f"{path}, line {number}")
            keys.append(_Key(_digest(words[0]), quota, _OPERATOR in words[1:]))
    if not keys:
        raise InputError("the key file holds no key", where=str(path), fix="write one key a line into it")
    return keys


def _quota(words: list[str], where: str) -> Quota:
    limits: dict[str, float] = {}
    for word in words:
        name, _, value = word.partition("=")
        if name not in _LIMITS:
            raise InputError(f"{name!r} is no limit of a key", where=where, fix=suggest(name, (*_LIMITS, _OPERATOR)))
        try:
            limits[name] = _LIMITS[name](value)
        except ValueError:
            limits[name] = 0
        if not 0 < limits[name] < float("inf"):
            raise InputError(f"{word} is no limit", where=where, fix=f"write {name}= and a number above 0")
    return Quota(**limits)  # type: ignore[arg-type]  # whole numbers where the field says so


def _state(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", errors="surrogateescape")).digest()
