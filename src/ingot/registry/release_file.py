"""The releases of a home folder, in one file: `releases.json`.

A change is made under a lock and takes the file's name in one rename: readers, and whoever comes after a crash, see the
releases before it or after it. Servers look at the file and follow; they write to it, too, when they take a version
back that fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ingot.core.errors import BusyError, InputError
from ingot.core.storage import write_atomically
from ingot.flow.home import Home
from ingot.registry.release import Release, read_release

RELEASE_FILE = "releases.json"
_LOCK_SECONDS = 10.0  # a change takes milliseconds
Change = Callable[[Release | None], Release | None]


@dataclass(frozen=True)
class ReleaseFile:
    """The releases of one home folder."""

    home: Home

    @property
    def path(self) -> Path:
        """Where the file lies, or will."""
        return self.home.path / RELEASE_FILE

    def read(self) -> dict[str, Release]:
        """Return the releases by name; none where nobody changed anything. Raises InputError for a damaged file."""
        try:
            written = json.loads(self.path.read_text(encoding="utf-8"))
            fields: Mapping[str, Mapping[str, object]] = written["names"]
            named = list(fields.items())
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            fix = "put it back from a copy, or remove it: every name then follows its newest version"
            raise InputError("the releases cannot be read", where=str(self.path), why=str(error), fix=fix) from None
        return {name: read_release({"name": name, **own}, f"{self.path}, {name}") for name, own in named}

    def change(self, name: str, how: Change) -> Release | None:
        """Let `how` make the next release from the present one (None where there is none), and keep what it returns.

        None from `how` leaves everything as it is.
        """
        self.home.create()
        lock = FileLock(self.home.locks_path / "releases.lock")
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout:
            fix = "end the command that has stopped in the middle, and try again"
            raise BusyError("somebody else is changing the releases", where=str(self.path), fix=fix) from None
        try:
            releases = self.read()
            changed = how(releases.get(name))
            if changed is not None:
                releases[name] = changed
                self._write(releases)
        finally:
            lock.release()
        return changed

    def state(self) -> tuple[int, int, int] | None:
        """Return what differs once the file was changed; cheap."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _write(self, releases: Mapping[str, Release]) -> None:
        for torn in self.home.path.glob(f".{RELEASE_FILE}.*.tmp"):  # of a writer that was killed
            torn.unlink(missing_ok=True)
        named = {
            name: {key: value for key, value in one.as_fields().items() if key != "name"}
            for name, one in releases.items()
        }
        write_atomically(self.path, json.dumps({"names": named}, indent=1, ensure_ascii=False) + "\n")
