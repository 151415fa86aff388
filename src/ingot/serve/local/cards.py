"""What is told of a model of the home whose engine is not open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ingot.flow.artifact import Artifact
from ingot.infer.engine import REFERENCE_ENGINE, context_of, read_certificate
from ingot.registry.files import FileStore
from ingot.registry.release import Release
from ingot.serve.ports import ModelCard, ModelKind, ServedModel, fills_in
from ingot.tokenizer.codec import Codec


class Cards:
    """Tells of served names. What a version says of itself is read once."""

    def __init__(self, store: FileStore) -> None:
        self._store = store
        self._known: dict[str, ModelCard] = {}

    def learn(self, model: Artifact, codec: Codec) -> None:
        """Keep what a version says of itself, before anybody asks: reading its files would hold up other callers."""
        self._known[model.reference] = card_of(model, codec)

    def card(self, release: Release, reference: str, model: ServedModel | None) -> ModelCard:
        """Return what is told of a release that `reference` answers, `model` where it is open."""
        if reference not in self._known:
            artifact = self._store.get(reference)
            self.learn(artifact, Codec.load(artifact.path))
        known = self._known[reference]
        return replace(
            known if model is None else replace(known, engine=model.engine.name, context=model.engine.context),
            id=release.name,
            title=release.title,
            description=release.description,
            is_archived=release.state == "archived",
        )


def card_of(model: Artifact, codec: Codec) -> ModelCard:
    """Return what a model's files say of it."""
    return ModelCard(
        id=model.name,
        reference=model.reference,
        kind=kind_of(model),
        created=created(model),
        context=int(model.facts["context"]) if "base" in model.facts else context_of(model.path),
        engine=str(read_certificate(model.path).get("engine", REFERENCE_ENGINE)),
        fills_in=fills_in(codec),
        run=model.record.run_id or None,
        base=model.facts.get("base"),
    )


def kind_of(model: Artifact) -> ModelKind:
    """Return whether a model continues text or answers."""
    return "base" if model.facts.get("kind", "base") == "base" else "chat"


def created(model: Artifact) -> int:
    """Return when a model was finished, as Unix time."""
    return int(datetime.fromisoformat(model.record.finished).timestamp())
