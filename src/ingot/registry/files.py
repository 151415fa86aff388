"""The registry that needs no server: the models among the artifacts of a home folder."""

from __future__ import annotations

from dataclasses import dataclass

from ingot.core.errors import InputError, UsageError, suggest
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home, damaged_files
from ingot.registry.store import ADAPTER, MODEL


@dataclass(frozen=True)
class FileStore:
    """The models of one home folder. Nothing is cached: a model finished a moment ago is found.

    What is only an adapter beside another model of the home counts `with_adapters`: for those who can serve it.
    """

    home: Home
    with_adapters: bool = False

    def models(self) -> list[Artifact]:
        """Return every version of every model, by name and version."""
        return [artifact for artifact in self.home.all() if self._is_meant(artifact)]

    def get(self, reference: str) -> Artifact:
        """Return the model behind `name` or `name@version`. Raises UsageError saying which models there are."""
        name, at, number = reference.partition("@")
        names = sorted({model.name for model in self.models()})
        if name not in names:
            raise self._unknown(reference, name, names)
        versions = [model for model in self.home.versions(name) if self._is_meant(model)]
        if not at:
            return versions[-1]
        for model in versions:
            if str(model.version) == number:
                return model
        raise UsageError(
            f"there is no model {reference!r}",
            where=str(self.home.path),
            fix=f"its versions: {', '.join(model.reference for model in versions)}",
        )

    def verify(self, model: Artifact) -> None:
        """Compare every file with its recorded hash; reads all of it, about a second a gigabyte."""
        damaged = damaged_files(model)
        if damaged:
            raise InputError(
                f"{model.reference} is damaged: {', '.join(damaged)}",
                where=str(model.path),
                why="the files are not the ones that were evaluated and certified",
                fix=f"remove {model.path} and run its build again; it is made anew from what is kept",
            )

    def _is_meant(self, artifact: Artifact) -> bool:
        is_adapter = artifact.kind == ADAPTER and "base" in artifact.facts
        return artifact.kind == MODEL or (self.with_adapters and is_adapter)

    def _unknown(self, reference: str, name: str, names: list[str]) -> UsageError:
        other = self.home.versions(name) if name in self.home.names() else []
        what = f"{reference!r} is a {other[-1].kind}, not a model" if other else f"there is no model named {name!r}"
        first = "build one: ingot build ./my-docs --name acme --time 10m"
        return UsageError(what, where=str(self.home.path), fix=suggest(name, names) if names else first)
