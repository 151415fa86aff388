"""Audit a model that exists: what it knows by heart of the text it was trained on, as far as that is in the home.

    checkpoint, shards (those its training read), start -> audit

The same step ends every build, so a model that was audited then is not audited again.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingot.core.errors import InputError
from ingot.evaluate.config import AuditConfig
from ingot.flow.artifact import Artifact
from ingot.flow.home import Home
from ingot.flow.step import Step
from ingot.registry.store import ADAPTER, MODEL

START = "start"  # what a training went on from; adapters count only beside it
_KINDS = (MODEL, ADAPTER, "Checkpoint")


def audit(model: Artifact, home: Home, config: AuditConfig) -> tuple[Step, Mapping[str, Artifact]]:
    """Return the step that audits a model or a checkpoint, and what it takes as it is.

    Raises InputError for an artifact that is neither.
    """
    if model.kind not in _KINDS:
        raise InputError(
            f"{model.reference} is a {model.kind}, which knows nothing by heart",
            where=str(model.path),
            fix="name a model (`ingot models`) or its checkpoint",
        )
    made_of = model.record.inputs
    checkpoint = _kept(home, made_of.get("checkpoint", "") or made_of.get("adapters", "")) or model
    read = {name: _kept(home, reference) for name, reference in checkpoint.record.inputs.items()}
    known = {name: one for name, one in read.items() if one is not None and (one.kind == "Shards" or name == START)}
    given = {"checkpoint": checkpoint, **known}
    # Nothing is run for what is given, so there is nothing to say how.
    inputs = {name: Step(name, one.name, one.kind, "", {}) for name, one in given.items()}
    name = f"{model.name.removesuffix('-checkpoint')}-audit"
    return Step("audit", name, "Audit", "ingot.evaluate.memorisation:audit", config, inputs), given


def _kept(home: Home, reference: str) -> Artifact | None:
    """Return an artifact by its reference, or None when it is not in the home any more."""
    name, _, version = reference.partition("@")
    versions = home.versions(name) if name else ()
    return next((one for one in versions if str(one.version) == version), None)
