"""What answers under a served name: a version, perhaps a second one with a share of the requests, and one that listens.

    stable   answers. `acme@3` stays what it is, `acme` follows the newest version of that model
    canary   answers a share of the requests, chosen by what ties them together, so that a conversation stays with it
    shadow   is asked what the stable one was asked; nobody reads its answers, they are only counted
    former   what answered before, newest first: where a rollback goes
    failed   what a server took back: nothing brings it again but a person who names it

Every change is a function from a release to the next one, and leaves a line in its history.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from ingot.core.errors import InputError, UsageError

State = Literal["served", "archived", "deleted"]
Tie = Literal["conversation", "caller", "request"]

STATES: tuple[State, ...] = get_args(State)
TIES: tuple[Tie, ...] = get_args(Tie)
_FORMER_KEPT = 5
_EVENTS_KEPT = 20


@dataclass(frozen=True)
class Canary:
    """A version with a share of the requests. `by` is what stays together: a conversation, a caller, or a request.

    A server takes it back by itself when more than `most_errors` of its answers fail.
    """

    version: str
    share: float
    by: Tie = "conversation"
    most_errors: float = 0.05


@dataclass(frozen=True)
class Event:
    """One change: when (ISO 8601 in UTC), by whom, and what."""

    at: str
    who: str
    what: str


@dataclass(frozen=True)
class Release:
    """What answers under one name.

    `fallback` is the version that a server went back to by itself. It stays, even if it fails as well: one step a
    person took is undone, and then the fault is hardly the version's. `gate` are the rules that a version has to have
    passed before a person may let it answer; None asks nothing.
    """

    name: str
    stable: str
    canary: Canary | None = None
    shadow: str | None = None
    former: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    fallback: str | None = None
    state: State = "served"
    title: str | None = None
    description: str | None = None
    gate: Mapping[str, Any] | None = None
    history: tuple[Event, ...] = field(default=(), repr=False)

    @property
    def versions(self) -> tuple[str, ...]:
        """Every reference that is to be open: stable, canary, shadow."""
        canary = self.canary.version if self.canary else None
        return tuple(one for one in (self.stable, canary, self.shadow) if one is not None)

    def as_fields(self) -> dict[str, Any]:
        """Return the release as JSON values."""
        return asdict(self)


def read_release(fields: Mapping[str, Any], where: str) -> Release:
    """Return the release in JSON values. Raises InputError when they are none."""
    try:
        own = dict(fields)
        canary = Canary(**own["canary"]) if own["canary"] else None
        history = tuple(Event(**event) for event in own["history"])
        kept = {"former": tuple(own["former"]), "failed": tuple(own.get("failed", ()))}
        release = Release(**{**own, **kept, "canary": canary, "history": history})
        texts: list[object] = [release.name, release.stable, *release.versions, *release.former, *release.failed]
        texts += [] if release.fallback is None else [release.fallback]
        is_read = all(isinstance(text, str) and text for text in texts) and release.state in STATES
        is_read = is_read and (release.gate is None or isinstance(release.gate, dict))
        if canary is not None:
            is_read = is_read and 0 < canary.share < 1 and 0 <= canary.most_errors <= 1 and canary.by in TIES
    except (KeyError, TypeError) as error:
        raise _unreadable(where, str(error)) from None
    if not is_read:
        raise _unreadable(where, "a field holds what it cannot")
    return release


def meant(release: Release, versions: Sequence[str]) -> str:
    """Return the version that is to answer, of all `versions` of the model that a release follows, oldest first.

    It is the newest that did not fail, and when all did, the newest.
    """
    if "@" in release.stable:
        return release.stable
    return next((one for one in reversed(versions) if one not in release.failed), versions[-1])


def promoted(release: Release, version: str, before: str | None, who: str, why: str = "") -> Release:
    """Return a release in which `version` answers; `before` is the version that did until now, `why` what let it."""
    release = _tried_again(release, version)
    canary = None if release.canary and release.canary.version == version else release.canary
    shadow = None if release.shadow == version else release.shadow
    former = release.former if before in (None, version) else _stacked(str(before), release.former)
    changed = replace(
        release, stable=version, canary=canary, shadow=shadow, former=former, fallback=None, state="served"
    )
    return noted(changed, who, f"{version} was promoted" + (f", after {before}" if before else "") + why)


def following(release: Release, model: str, serving: str, who: str) -> Release:
    """Return a release in which the newest version of `model` answers, whichever that is."""
    former = _stacked(serving, release.former)
    changed = replace(release, stable=model, former=former, fallback=None, state="served")
    return noted(changed, who, f"the newest version of {model} is followed")


def demanding(release: Release, gate: Mapping[str, Any] | None, serving: str, who: str) -> Release:
    """Return a release of which every version has to pass a gate by these rules first; None asks it no more.

    A name that followed the newest version stays with the one that answers now: another one would come in unasked.
    """
    if gate is None:
        return noted(replace(release, gate=None), who, "its gate is asked no more")
    is_pinned = release.stable == serving
    told = "a gate is demanded from now on" + ("" if is_pinned else f", and it stays with {serving}")
    return noted(replace(release, gate=gate, stable=serving), who, told)


def with_canary(release: Release, canary: Canary, who: str, why: str = "") -> Release:
    """Return a release in which a canary has its share; `why` says what let it."""
    what = f"{canary.version} got {canary.share:.3g} of the requests, by {canary.by}{why}"
    return noted(replace(_tried_again(release, canary.version), canary=canary), who, what)


def without_canary(release: Release, who: str, why: str = "was taken back") -> Release:
    """Return a release without its canary."""
    assert release.canary is not None, "only a canary that is there is taken back"
    return noted(replace(release, canary=None), who, f"the canary {release.canary.version} {why}")


def with_shadow(release: Release, version: str | None, who: str) -> Release:
    """Return a release in which a version listens, or none."""
    what = f"the shadow {release.shadow} was sent away" if version is None else f"{version} listens as a shadow"
    release = release if version is None else _tried_again(release, version)
    return noted(replace(release, shadow=version), who, what)


def rolled_back(release: Release, serving: str, before: str | None, who: str) -> Release:
    """Return a release with its last step undone: without its canary, else with what answered before.

    `before` is where a release goes that was never changed. Raises UsageError when nothing answered before.
    """
    return without_canary(release, who) if release.canary else gone_back(release, serving, before, who)


def gone_back(release: Release, serving: str, before: str | None, who: str, why: str = "") -> Release:
    """Return a release whose stable version is the one that answered before, whatever else it has."""
    former = tuple(one for one in release.former if one != serving and one not in release.failed)
    back = former[0] if former else before
    if back is None:
        raise UsageError(
            f"nothing answered to {release.name!r} before {serving}",
            where=release.name,
            fix=f"name the version: ingot release promote {release.name} MODEL@VERSION",
        )
    changed = replace(release, stable=back, former=former[1:], fallback=None)
    return noted(changed, who, f"rolled back from {serving} to {back}{why}")


def without(release: Release, version: str, who: str, why: str, versions: Sequence[str] = ()) -> Release | None:
    """Return a release without a version that failed; None where it has no such version, or nothing to go back to.

    `versions` are those of the model that it follows, oldest first: it goes on to follow them, and leaves this one out.
    """
    after = replace(release, failed=_stacked(version, release.failed))
    if release.canary is not None and release.canary.version == version:
        return without_canary(after, who, f"was taken back: {why}")
    if release.shadow == version:
        return noted(replace(after, shadow=None), who, f"the shadow {version} was sent away: {why}")
    if release.stable == version and any(one not in after.failed for one in release.former):
        return gone_back(after, version, None, who, f": {why}")
    left = [one for one in versions if one not in after.failed]
    if "@" not in release.stable and left and version in versions and version not in release.failed:
        return noted(after, who, f"rolled back from {version} to {left[-1]}: {why}")
    return None


def failing(release: Release, version: str, who: str, why: str, versions: Sequence[str] = ()) -> Release | None:
    """Return a release without a version that began to fail while it answered; None where that one is to stay."""
    if release.fallback == version:
        return None
    changed = without(release, version, who, why, versions)
    if changed is None or meant(release, versions or (version,)) != version:
        return changed
    return replace(changed, fallback=meant(changed, versions))


def in_state(release: Release, state: State, who: str) -> Release:
    """Return a release that is served, archived (kept, and not served) or deleted."""
    return noted(replace(release, state=state), who, {"served": "restored"}.get(state, state))


def described(release: Release, title: str | None, description: str | None, who: str) -> Release:
    """Return a release with other words for people; None leaves the old ones."""
    title, description = title or release.title, description or release.description
    return noted(replace(release, title=title, description=description), who, "described anew")


def noted(release: Release, who: str, what: str) -> Release:
    """Return a release with one more line in its history."""
    event = Event(datetime.now(UTC).isoformat(timespec="seconds"), who, what)
    return replace(release, history=(*release.history, event)[-_EVENTS_KEPT:])


def goes_to_canary(name: str, canary: Canary, tie: str) -> bool:
    """Say whether what carries this tie is the canary's: the same for the same tie, for `share` of all ties.

    A larger share takes in more and lets none go. Another canary gets others, so that not the same people try all.
    """
    digest = hashlib.sha256(f"{name}\0{canary.version}\0{tie}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < canary.share * 2**64


def _tried_again(release: Release, version: str) -> Release:
    """Return a release in which a version that failed has another chance, since a person named it."""
    return replace(release, failed=tuple(one for one in release.failed if one != version))


def _stacked(version: str, former: tuple[str, ...]) -> tuple[str, ...]:
    return (version, *(one for one in former if one != version))[:_FORMER_KEPT]


def _unreadable(where: str, why: str) -> InputError:
    fix = "put back what was changed by hand, or remove the entry: the name then follows its newest version"
    return InputError("a release cannot be read", where=where, why=why, fix=fix)
