"""Where data comes from, and the exact state it was in.

A `Source` is a promise to read something through a connector; a `Snapshot` is what the connector found when the run was
planned: every item with its size and content hash. The digest of the contents, not the place, is what a fingerprint
sees, so the same documents in another folder or on another machine are the same input.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Source:
    """Something outside Ingot, read through the connector of this name with this config."""

    connector: str
    config: object


@dataclass(frozen=True)
class SourceItem:
    """One thing a connector can open.

    `uri` is stable and relative ("handbook/leave.md"); `locator` tells this machine's connector where to read it and
    never enters a fingerprint. `modified` is in seconds since 1970.
    """

    uri: str
    locator: str
    bytes: int
    sha256: str
    modified: float


@dataclass(frozen=True)
class Snapshot:
    """What a source held at one moment; `skipped` lists (uri, reason) of what could not be taken."""

    connector: str
    items: tuple[SourceItem, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents, independent of place, time and machine."""
        digest = hashlib.sha256()
        for item in sorted(self.items, key=lambda item: item.uri):
            digest.update(f"{item.uri}\0{item.sha256}\n".encode())
        return digest.hexdigest()

    @property
    def bytes(self) -> int:
        """Bytes of all items together."""
        return sum(item.bytes for item in self.items)

    def as_literals(self) -> dict[str, Any]:
        """Return the snapshot as JSON literals, to hand it to another process."""
        return asdict(self)


def snapshot_from_literals(mapping: Mapping[str, Any]) -> Snapshot:
    """Read back :meth:`Snapshot.as_literals`."""
    return Snapshot(
        connector=mapping["connector"],
        items=tuple(SourceItem(**item) for item in mapping["items"]),
        skipped=tuple((uri, reason) for uri, reason in mapping["skipped"]),
    )


class SnapshotTaker(Protocol):
    """The part of a connector the runner needs."""

    def snapshot(self) -> Snapshot: ...
