"""What answers under a name just now, and which names a server was told to serve."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ingot.core.errors import UsageError, suggest
from ingot.registry.files import FileStore
from ingot.registry.release import Canary, Release, goes_to_canary
from ingot.serve.ports import Origin, TrafficShare


@dataclass(frozen=True)
class Serving:
    """What answers under a name just now: every version here has passed the gate, or is the only one there is."""

    release: Release
    stable: str
    canary: Canary | None = None
    shadow: str | None = None

    def pick(self, origin: Origin | None) -> str:
        """Return the version that answers a request; without an origin, the stable one."""
        canary = self.canary
        if canary is None or origin is None:
            return self.stable
        tie = "" if canary.by == "caller" else origin.conversation() if canary.by == "conversation" else ""
        if not tie and canary.by != "caller":
            tie = secrets.token_hex(8)  # nothing ties this request to others
        is_its = goes_to_canary(self.release.name, canary, f"{origin.caller}\0{tie}")
        return canary.version if is_its else self.stable

    def shares(self) -> list[TrafficShare]:
        """Return what each version does."""
        name, given = self.release.name, self.canary.share if self.canary else 0.0
        shares = [TrafficShare(name, self.stable, "stable", 1 - given)]
        if self.canary is not None:
            shares.append(TrafficShare(name, self.canary.version, "canary", given))
        if self.shadow is not None:
            shares.append(TrafficShare(name, self.shadow, "shadow", 0.0))
        return shares + [TrafficShare(name, version, "failed", 0.0) for version in self.release.failed]

    @property
    def references(self) -> set[str]:
        """Every version that is needed."""
        canary = self.canary.version if self.canary else None
        return {one for one in (self.stable, canary, self.shadow) if one is not None}


@dataclass(frozen=True)
class Told:
    """The names on the command line: `plain` ones, and those that stay at a version.

    Without any, all that have a release are meant. Those that were adopted since are served to their owners beside.
    """

    plain: Sequence[str]
    pinned: Mapping[str, str]
    adopted: Mapping[str, str] = field(default_factory=dict)

    def wanted(self, releases: Mapping[str, Release]) -> dict[str, Release]:
        """Return the release of every name that is to be served; without one, it follows the newest version."""
        names = self.plain if self.plain or self.pinned else list(releases)
        found = [releases.get(name) or Release(name, name) for name in dict.fromkeys([*names, *self.adopted])]
        wanted = {release.name: release for release in found if release.state == "served"}
        return {**wanted, **{name: Release(name, reference) for name, reference in self.pinned.items()}}

    def includes(self, name: str) -> bool:
        """Say whether a name may be served, once it has a release that says so."""
        return name in self.plain or name in self.adopted or not (self.plain or self.pinned)

    def may(self, name: str, origin: Origin | None) -> bool:
        """Say whether whoever asks may use a name; without an origin it is the server itself."""
        owner = self.adopted.get(name)
        # The caller of an origin is the key, or a person behind it.
        return origin is None or owner is None or owner == origin.caller.partition("\0")[0]

    def adopting(self, name: str, owner: str) -> Told:
        """Return the same with one more name."""
        return replace(self, adopted={**self.adopted, name: owner})

    def without(self, name: str) -> Told:
        """Return the same without a name that was adopted."""
        return replace(self, adopted={one: owner for one, owner in self.adopted.items() if one != name})


def told(names: Sequence[str], releases: Mapping[str, Release], store: FileStore) -> Told:
    """Return the names of a command line. Raises UsageError for one that is unknown, or would be served twice."""
    if not (names or releases):
        fix = "name a model: ingot serve NAME; `ingot models` lists them"
        raise UsageError("there is nothing to serve", where="NAME", why="no name has a release", fix=fix)
    plain = list(dict.fromkeys(name for name in names if "@" not in name))
    _refuse_unknown(plain, releases, {model.name for model in store.models()})
    pinned = [store.get(name) for name in dict.fromkeys(names) if "@" in name]
    served = [*plain, *(model.name for model in pinned)]
    for name in served:
        if served.count(name) > 1:
            what = f"{name!r} would be served in two versions under one name"
            raise UsageError(what, where="NAME", fix="serve one of them here, and the other on another port")
    return Told(plain, {model.name: model.reference for model in pinned})


def _refuse_unknown(names: Sequence[str], releases: Collection[str], models: Collection[str]) -> None:
    for name in names:
        if name not in releases and name not in models:
            near = suggest(name, {*releases, *models}) if releases or models else "build one: ingot build ./my-docs"
            raise UsageError(f"there is no model named {name!r}", where="NAME", fix=near)
