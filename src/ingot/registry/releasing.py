"""Changing what answers under a name: each change is checked against the models there are before it is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ingot.core.errors import GateError, UsageError, suggest
from ingot.flow.home import Home, check_name
from ingot.registry import release as changes
from ingot.registry.files import FileStore
from ingot.registry.gate import gate_of
from ingot.registry.release import Canary, Release, State
from ingot.registry.release_file import ReleaseFile


@dataclass(frozen=True)
class Releasing:
    """The releases of a home folder, changed by somebody (`who` stands in the history).

    A name without a release of its own is the model of that name, in its newest version.
    """

    home: Home
    who: str

    @property
    def file(self) -> ReleaseFile:
        """Where releases are kept."""
        return ReleaseFile(self.home)

    @property
    def store(self) -> FileStore:
        """The models there are."""
        return FileStore(self.home, with_adapters=True)

    def promote(self, name: str, version: str, despite: str | None = None) -> Release:
        """Let a version answer under a name, which may be a new one. Raises UsageError for an unknown version.

        Where the release demands a gate, the version has to have passed it, or `despite` says why it may answer
        anyway; the history keeps that. Raises GateError otherwise.
        """
        version = self._version(version)
        check_name(name)

        def how(release: Release | None) -> Release:
            release = release or self._following(name) or Release(name, version)
            serving = self.serving(release)
            before = serving if serving != version else self._before_newest(release)
            return changes.promoted(release, version, before, self.who, self._let(release, version, despite))

        return self._changed(name, how)

    def follow(self, name: str, model: str) -> Release:
        """Let the newest version of a model answer under a name."""
        check_name(name)
        model = self.store.get(model.partition("@")[0]).name

        def how(release: Release | None) -> Release:
            release = release or Release(name, model)
            if release.gate is not None:
                raise UsageError(
                    f"{name!r} demands a gate, so it cannot follow the newest version",
                    where="NAME",
                    why="that would answer before anybody has asked whether it may",
                    fix=f"promote versions one by one, or ask it no more: ingot release gate {name} --off",
                )
            return changes.following(release, model, self.serving(release), self.who)

        return self._changed(name, how)

    def canary(self, name: str, canary: Canary, despite: str | None = None) -> Release:
        """Give a version a share of the requests; people read its answers, so a gate is asked as for `promote`."""
        self._other(name, canary.version)

        def how(release: Release | None) -> Release:
            release = self._known(name, release)
            return changes.with_canary(release, canary, self.who, self._let(release, canary.version, despite))

        return self._changed(name, how)

    def demand(self, name: str, gate: Mapping[str, Any] | None) -> Release:
        """Demand of every further version that it has passed a gate by these rules; None demands it no more."""

        def how(release: Release | None) -> Release:
            release = self._known(name, release)
            if gate is None and release.gate is None:
                raise UsageError(f"{name!r} demands no gate", where="--off", fix="there is nothing to switch off")
            return changes.demanding(release, gate, self.serving(release), self.who)

        return self._changed(name, how)

    def shadow(self, name: str, version: str | None) -> Release:
        """Let a version listen, or send away the one that does."""
        if version is not None:
            self._other(name, version)

        def how(release: Release | None) -> Release:
            release = self._known(name, release)
            if version is None and release.shadow is None:
                fix = f"`ingot release show {name}` says what there is"
                raise UsageError(f"{name!r} has no shadow to send away", where="--off", fix=fix)
            return changes.with_shadow(release, version, self.who)

        return self._changed(name, how)

    def rollback(self, name: str) -> Release:
        """Take the canary back, or else go back to what answered before."""

        def how(release: Release | None) -> Release:
            release = self._known(name, release)
            return changes.rolled_back(release, self.serving(release), self._before_newest(release), self.who)

        return self._changed(name, how)

    def put_into(self, name: str, state: State) -> Release:
        """Archive, delete or restore a name; no file of a model is touched."""
        return self._changed(name, lambda release: changes.in_state(self._known(name, release), state, self.who))

    def describe(self, name: str, title: str | None, description: str | None) -> Release:
        """Give a name other words for people."""
        return self._changed(
            name, lambda release: changes.described(self._known(name, release), title, description, self.who)
        )

    def serving(self, release: Release) -> str:
        """Return the version that a release means now."""
        versions = self.versions(release)
        return changes.meant(release, versions) if versions else self.store.get(release.stable).reference

    def versions(self, release: Release) -> list[str]:
        """Return the versions of the model that a release follows, oldest first."""
        return [model.reference for model in self.store.models() if model.name == release.stable]

    def names(self) -> list[str]:
        """Return every name there is: of models, and of releases."""
        return sorted({*self.file.read(), *(model.name for model in self.store.models())})

    def _let(self, release: Release, version: str, despite: str | None) -> str:
        """Return what the history says of the gate. Raises GateError where the version may not answer."""
        if release.gate is None:
            if despite is None:
                return ""
            fix = "leave --despite out"
            raise UsageError(f"{release.name!r} demands no gate to be passed over", where="--despite", fix=fix)
        serving = self.serving(release)
        if serving == version:
            return ""  # nobody is answered by another version than before
        try:
            passed = gate_of(self.home, release.name, release.gate, version, serving)
        except GateError as refused:
            if despite is None:
                raise
            return f", though {refused.what} ({refused.why}): {_reason(despite)}"
        return f"; {passed.reference} was passed"

    def _changed(self, name: str, how: Callable[[Release | None], Release]) -> Release:
        changed = self.file.change(name, how)
        assert changed is not None, "every change above makes a release"
        return changed

    def _known(self, name: str, release: Release | None) -> Release:
        known = release or self._following(name)
        if known is None:
            raise UsageError(f"nothing is served as {name!r}", where="NAME", fix=suggest(name, self.names()))
        return known

    def _following(self, name: str) -> Release | None:
        is_model = any(model.name == name for model in self.store.models())
        return Release(name, name) if is_model else None

    def _version(self, reference: str) -> str:
        found = self.store.get(reference).reference
        if "@" not in reference:
            fix = f"name the version, such as {found}, or follow the newest: ingot release follow NAME {reference}"
            raise UsageError(f"{reference!r} is a model, not a version", where="VERSION", fix=fix)
        return found

    def _other(self, name: str, version: str) -> None:
        release = self._known(name, self.file.read().get(name))
        if self._version(version) == self.serving(release):
            fix = f"name another version: `ingot release show {name}` lists them"
            raise UsageError(f"{version} answers to {name!r} already", where="VERSION", fix=fix)

    def _before_newest(self, release: Release) -> str | None:
        versions = [one for one in self.versions(release) if one not in release.failed]
        return versions[-2] if len(versions) > 1 else None


def _reason(despite: str) -> str:
    reason = " ".join(despite.split())
    if not reason:
        fix = "say it in words: --despite 'the old one leaks prices; the new one was read by Ada'"
        raise UsageError("no reason is given", where="--despite", why="it stands in the history", fix=fix)
    return reason
