"""What a registry of models answers, wherever it keeps them.

A reference is `name`, meaning the newest version, or `name@version`. A registry only ever hands out finished models: an
artifact without its record does not exist.
"""

from __future__ import annotations

from typing import Protocol

from ingot.flow.artifact import Artifact

MODEL = "Model"
ADAPTER = "Adapter"  # of a model of the same home, when its facts name one as `base`


class Store(Protocol):
    """Where models are kept."""

    def models(self) -> list[Artifact]:
        """Return every version of every model, by name and version."""

    def get(self, reference: str) -> Artifact:
        """Return the model behind a reference. Raises UsageError naming the nearest model, or all of them when few."""

    def verify(self, model: Artifact) -> None:
        """Compare every file with its recorded hash. Raises InputError naming the damaged ones."""
