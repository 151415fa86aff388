"""Find what a name on the command line means: the artifact itself, or what it was made from."""

from __future__ import annotations

from ingot.cli.wire import home_at
from ingot.core.errors import InputError
from ingot.flow.artifact import Artifact
from ingot.flow.lineage import ancestors


def dataset_of(name: str, home_path: str) -> Artifact:
    """Return the dataset a name means: itself, or the one a model, or anything else, was made from."""
    return made_from(name, home_path, "Dataset")


def made_from(name: str, home_path: str, kind: str) -> Artifact:
    """Return the artifact of this kind that a name means, or that what it names was made from; the last, of several."""
    home = home_at(home_path)
    artifact = home.get(name)
    found = [each for each in ancestors(home, artifact) if each.kind == kind]
    if not found:
        word = kind.lower()
        raise InputError(
            f"{artifact.reference} is no {word} and was not made from one",
            where=artifact.kind,
            fix=f"`ingot artifacts` lists what there is; {word}s have the kind {kind}",
        )
    return found[-1]
