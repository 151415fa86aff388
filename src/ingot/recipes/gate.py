"""Judge a model before it takes the place of another.

model, version in use, evaluations of both, audit, report -> gate
"""

from __future__ import annotations

from collections.abc import Mapping

from ingot.evaluate.gating.rules import GateConfig
from ingot.flow.artifact import Artifact
from ingot.flow.step import Step

Given = Mapping[str, Artifact]
MODEL, AGAINST = "model", "against"


def gate(
    model: Artifact,
    against: Artifact | None,
    config: GateConfig,
    asked: Given,
    before: Given,
    beside: Given,
) -> tuple[Step, Given]:
    """Return the step that judges a model, and what it takes as it is.

    `asked` and `before` are the evaluations of the model, and of the version in use, by task; `beside` are the model's
    audit and report, by the names `audit` and `report`.
    """
    given = {MODEL: model, **({AGAINST: against} if against else {}), **beside}
    given |= {f"asked-{task}": one for task, one in asked.items()}
    given |= {f"before-{task}": one for task, one in before.items()}
    # Nothing is run for what is given, so there is nothing to say how.
    inputs = {name: Step(name, one.name, one.kind, "", {}) for name, one in given.items()}
    return Step("gate", f"{model.name}-gate", "Gate", "ingot.evaluate.gate:judge", config, inputs), given
