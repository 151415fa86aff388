"""Where data comes from, and the exact state it was in.

A `Source` is a promise to read something through a connector; a `Snapshot` is what the connector found when the run was
planned: every item with its size and content hash. The digest of the contents, not the place, is what a fingerprint
sees, so the same documents in another folder or on another machine are the same input.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

# What decides how an item is read and who may use it. A change of these makes another dataset, even of equal bytes.
_TERMS = ("media_type", "owner", "licence", "access", "retention", "region")


@dataclass(frozen=True)
class Source:
    """Something outside Ingot, read through the connector of this name with this config."""

    connector: str
    config: object


@dataclass(frozen=True, slots=True)
class SourceItem:
    """One thing a connector can open, and what its source says about it.

    `uri` is stable, and relative to the source ("handbook/leave.md") or the address of a page; `locator` tells this
    machine's connector where to read it and never enters a fingerprint, nor does it hold a credential. `modified` is in
    seconds since 1970. `version` is the source's own word for this state (an etag, a commit, a revision number).
    `access` names who may see it, `retention` is a date, `media_type` says what it is where the name does not, and
    `meta` holds what else is worth knowing (a title, an author).
    """

    uri: str
    locator: str
    bytes: int
    sha256: str
    modified: float
    version: str | None = None
    owner: str | None = None
    licence: str | None = None
    access: tuple[str, ...] = ()
    retention: str | None = None
    region: str | None = None
    media_type: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Snapshot:
    """What a source held at one moment.

    `skipped` lists (uri, reason) of what could not be taken, `vanished` lists (uri, last version) of what an earlier
    snapshot held and the source no longer has.
    """

    connector: str
    items: tuple[SourceItem, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    vanished: tuple[tuple[str, str | None], ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over names, contents and terms of use, independent of place, time, version labels and machine."""
        digest = hashlib.sha256()
        for item in sorted(self.items, key=lambda item: item.uri):
            digest.update(f"{item.uri}\0{item.sha256}{_terms(item)}\n".encode())
        return digest.hexdigest()

    @property
    def bytes(self) -> int:
        """Bytes of all items together."""
        return sum(item.bytes for item in self.items)

    def as_literals(self) -> dict[str, Any]:
        """Return the snapshot as JSON literals, to hand it to another process."""
        return asdict(self)


def _terms(item: SourceItem) -> str:
    """Return the item's terms for the digest; nothing for an item without any, so that plain files keep theirs."""
    given = {name: value for name in _TERMS if (value := getattr(item, name))}
    return "\0" + json.dumps(given, sort_keys=True) if given else ""


def item_from_literals(mapping: Mapping[str, Any]) -> SourceItem:
    """Read back one item of :meth:`Snapshot.as_literals`."""
    return SourceItem(**{**mapping, "access": tuple(mapping.get("access", ()))})


def snapshot_from_literals(mapping: Mapping[str, Any]) -> Snapshot:
    """Read back :meth:`Snapshot.as_literals`."""
    return Snapshot(
        connector=mapping["connector"],
        items=tuple(item_from_literals(item) for item in mapping["items"]),
        skipped=tuple((uri, reason) for uri, reason in mapping["skipped"]),
        vanished=tuple((uri, version) for uri, version in mapping.get("vanished", ())),
    )


def together(snapshots: Mapping[str, Snapshot]) -> Snapshot:
    """Return what several sources hold as one, to count and weigh; with several, names begin with their source's."""
    several = len(snapshots) > 1
    named = [(f"{name}/" if several else "", snapshot) for name, snapshot in sorted(snapshots.items())]
    return Snapshot(
        connector=", ".join(sorted({snapshot.connector for _, snapshot in named})),
        items=tuple(replace(item, uri=prefix + item.uri) for prefix, snapshot in named for item in snapshot.items),
        skipped=tuple((prefix + uri, reason) for prefix, snapshot in named for uri, reason in snapshot.skipped),
        vanished=tuple((prefix + uri, version) for prefix, snapshot in named for uri, version in snapshot.vanished),
    )


class SnapshotTaker(Protocol):
    """The part of a connector the runner needs."""

    def snapshot(self) -> Snapshot: ...
