"""What callers leave with a server, as files: `<folder>/<principal>/<kind>/<id>.json`, and bytes beside them.

A record is written whole or not at all. Ids come from the server; one from a request that could be a path is no id.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ingot.core.storage import room_on_disk, write_atomically
from ingot.serve.refusal import Refusal

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:-]{0,80}")
_BYTES = "bytes"


class FolderStore:
    """Fills the port `Store`; each principal may keep so many records of a kind, and so many bytes."""

    def __init__(self, folder: Path, most_records: int = 10_000, most_bytes: int = 8 << 30) -> None:
        self._folder, self._most_records, self._most_bytes = folder, most_records, most_bytes
        self._lock = threading.Lock()

    def put(self, principal: str, kind: str, record_id: str, record: Mapping[str, Any]) -> None:
        """Keep a record, in place of an earlier one."""
        path = self._record(principal, kind, record_id)
        assert path is not None, "the server makes ids that are names"
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() and sum(1 for _ in path.parent.iterdir()) >= self._most_records:
                raise _too_much(f"{self._most_records} of the kind {kind}")
            write_atomically(path, json.dumps(record, ensure_ascii=False))

    def get(self, principal: str, kind: str, record_id: str) -> dict[str, Any] | None:
        """Return a record, or None."""
        path = self._record(principal, kind, record_id)
        return _read(path) if path is not None else None

    def records(self, principal: str, kind: str) -> list[dict[str, Any]]:
        """Return the records of a kind, newest first."""
        return [record for _, record in self._of(self._folder / principal, kind)]

    def delete(self, principal: str, kind: str, record_id: str) -> bool:
        """Drop a record; say whether there was one."""
        path = self._record(principal, kind, record_id)
        if path is None or not path.exists():
            return False
        path.unlink(missing_ok=True)
        return True

    def everybody(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the records of a kind of all principals."""
        owners = sorted(self._folder.iterdir()) if self._folder.exists() else []
        return [(owner.name, record) for owner in owners for _, record in self._of(owner, kind)]

    def write(self, principal: str, file_id: str, content: BinaryIO) -> int:
        """Keep the bytes of a file; return how many."""
        path = self._record(principal, _BYTES, file_id, ".bin")
        assert path is not None, "the server makes ids that are names"
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = sum(one.stat().st_size for one in path.parent.iterdir())
        partial = path.with_suffix(".part")
        with room_on_disk(path.parent), partial.open("wb") as file:
            shutil.copyfileobj(content, file)
            size = file.tell()
        if kept + size > self._most_bytes:
            partial.unlink()
            raise _too_much(f"{self._most_bytes} bytes of files")
        partial.replace(path)
        return size

    def append(self, principal: str, file_id: str, line: bytes) -> None:
        """Add a line to a file, which need not be there yet."""
        path = self._record(principal, _BYTES, file_id, ".bin")
        assert path is not None, "the server makes ids that are names"
        path.parent.mkdir(parents=True, exist_ok=True)
        with room_on_disk(path.parent), path.open("ab") as file:
            file.write(line + b"\n")

    def path(self, principal: str, file_id: str) -> Path | None:
        """Return where the bytes of a file lie, or None."""
        path = self._record(principal, _BYTES, file_id, ".bin")
        return path if path is not None and path.exists() else None

    def erase(self, principal: str, file_id: str) -> None:
        """Drop the bytes of a file."""
        path = self.path(principal, file_id)
        if path is not None:
            path.unlink(missing_ok=True)

    def _record(self, principal: str, kind: str, record_id: str, suffix: str = ".json") -> Path | None:
        assert _NAME.fullmatch(principal), "an authenticator makes names that are names"
        return self._folder / principal / kind / f"{record_id}{suffix}" if _NAME.fullmatch(record_id) else None

    def _of(self, owner: Path, kind: str) -> list[tuple[float, dict[str, Any]]]:
        folder = owner / kind
        paths = folder.glob("[!.]*.json") if folder.exists() else ()
        found = [(record["created_at"], record) for path in paths if (record := _read(path)) is not None]
        return sorted(found, key=lambda pair: (pair[0], pair[1]["id"]), reverse=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return record


def _too_much(limit: str) -> Refusal:
    return Refusal(400, f"this key keeps {limit} already: delete some", code="storage_full")
