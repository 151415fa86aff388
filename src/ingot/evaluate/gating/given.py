"""What a gate is given of two models: their evaluations by task, an audit, a report; and how to say what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingot.evaluate.gating.claim import Claim
from ingot.flow.artifact import Artifact

MODEL, AGAINST, AUDIT, REPORT = "model", "against", "audit", "report"
# Names of inputs: the evaluation of the model, and of the version in use, by the name of their task.
ASKED, BEFORE = "asked-", "before-"
REFUSALS = "refusals"


@dataclass(frozen=True)
class NotAsked:
    """A requirement that was left out, and why; it has no verdict."""

    kind: str
    demands: str
    why: str
    fix: str = ""


@dataclass(frozen=True)
class Given:
    """What was measured. Without `against` no version is in use. `commands` make what is missing, by task."""

    model: Artifact
    against: Artifact | None
    asked: Mapping[str, Artifact]
    before: Mapping[str, Artifact]
    audit: Artifact | None = None
    report: Artifact | None = None
    commands: Mapping[str, str] = field(default_factory=dict)
    leaves_out: bool = False

    @property
    def tasks(self) -> list[str]:
        """The tasks that one of the two was asked, or both."""
        return sorted({*self.asked, *self.before})

    def plugin_of(self, task: str) -> str:
        """Return what a task is made with, such as `refusals`."""
        one = self.asked.get(task) or self.before[task]
        return str(one.facts.get("task", ""))

    def missing(self, kind: str, demands: str, why: str, fix: str) -> Claim | NotAsked:
        """Return a requirement for which nothing was measured: unsure, or left out where the rules say so."""
        if self.leaves_out:
            return NotAsked(kind, demands, why, fix)
        return Claim(kind, demands, f"not measured: {why}", missing=fix)

    def unasked(self, kind: str, demands: str, task: str, needs_both: bool) -> Claim | NotAsked | None:
        """Return a requirement whose task one of the two was not asked; None where both were, as far as is needed."""
        wanted = [(self.model, self.asked), *([(self.against, self.before)] if needs_both and self.against else [])]
        lacking = [one.reference for one, asked in wanted if task not in asked]
        if not lacking:
            return None
        commands = [f"ingot evaluate {reference} {task}.yaml" for reference in lacking]
        fix = self.commands.get(task) or " && ".join(commands)
        return self.missing(kind, demands, f"{' and '.join(lacking)} was not asked {task!r}", fix)


def no_version_in_use(kind: str, demands: str) -> NotAsked:
    """Return a comparison that cannot be asked of a first model."""
    return NotAsked(kind, demands, "no version is in use to hold it against")
