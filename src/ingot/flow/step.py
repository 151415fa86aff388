"""A Step: what to run, with which settings, on which inputs. Building one runs nothing.

The function behind a run reference has one shape, whatever the room::

    def curate(config: CurateConfig, inputs: Mapping[str, Artifact], context: StepContext) -> Facts

It reads its inputs' folders, writes its own files into `context.folder`, and returns facts: the JSON-able numbers worth
knowing about the result. Config literals decide what the result *is*; the context says *where* it is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ingot.core.allowance import Allowance
from ingot.core.errors import UsageError, suggest
from ingot.core.events import Emit
from ingot.flow.artifact import Artifact
from ingot.flow.crew import Crew
from ingot.flow.source import Snapshot, Source
from ingot.flow.stopping import Stopping
from ingot.flow.tasks import Tasks

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class StepContext:
    """Where a step runs: the folder to fill, a scratch folder beside it, cores to use, where to report, what to read.

    `folder` is empty at the start, or, for a resumable step, as the interrupted attempt left it. `tasks` divides the
    work among the executor's processes, where it comes in pieces. `unfinished` names the inputs that are still being
    written: files appear in their folders, and they have no facts yet. `stopping` says when the step should save what
    it is at and end. `crew` is for a step that several processes can do together. `allowance` is what it may spend, for
    steps that can save what they are at.
    """

    folder: Path
    scratch: Path
    cores: int
    emit: Emit
    sources: Mapping[str, Snapshot] = field(default_factory=dict)
    tasks: Tasks = field(default_factory=Tasks)
    unfinished: frozenset[str] = frozenset()
    stopping: Stopping = field(default_factory=Stopping)
    crew: Crew = field(default_factory=Crew)
    allowance: Allowance = field(default_factory=Allowance)


class StepFunction(Protocol):
    """What a run reference names."""

    def __call__(self, config: Any, inputs: Mapping[str, Artifact], context: StepContext, /) -> Facts: ...


@dataclass(frozen=True)
class Partial:
    """A config some of whose fields have no value yet, because facts of earlier steps will fill them."""

    config_type: type[Any]
    literals: Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A fact of an earlier step, to be used as a config literal once that step has run."""

    step: Step
    fact: str


@dataclass(frozen=True, eq=False)
class Step:
    """One node of a recipe.

    `artifact` is the name its result is kept under. `config` is a config, a Partial one, or, from a recipe file, plain
    literals, checked against the step function's config type. `fields` fills config fields from facts of earlier
    steps, so that identity depends on the value and not on everything else that step produced. Raise `version` when
    the meaning of the result changes. A step that `is_resumable` finds its folder as it left it; others
    start from an empty one. `reads_early` names inputs the step can read while they are being written.
    """

    name: str
    artifact: str
    kind: str
    run: str
    config: Any
    inputs: Mapping[str, Step] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)
    version: int = 1
    is_resumable: bool = False
    retries: int = 1
    reads_early: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.reads_early:
            self._check_early(name)

    def _check_early(self, name: str) -> None:
        """Raise UsageError when an input cannot be read while it is being written."""
        where, fix = f"step {self.name!r}", "take it out of reads_early"
        if name not in self.inputs:
            raise UsageError(f"it has no input {name!r} to read early", where=where, fix=suggest(name, self.inputs))
        writer = self.inputs[name]
        if not writer.is_resumable:
            why = f"step {writer.name!r} cannot resume, so another attempt would take away what was read"
            raise UsageError(f"input {name!r} cannot be read early", where=where, why=why, fix=fix)
        for field_name, origin in self.fields.items():
            if origin.step is writer:
                why = f"{field_name!r} is a fact of it, which is known when it is finished"
                raise UsageError(f"input {name!r} cannot be read early", where=where, why=why, fix=fix)

    def field(self, fact: str) -> Field:
        """Refer to a fact of this step's result, for a later step's config."""
        return Field(self, fact)

    @property
    def parents(self) -> tuple[Step, ...]:
        """The steps that must run before this one, each once."""
        before = [*self.inputs.values(), *(reference.step for reference in self.fields.values())]
        return tuple(dict.fromkeys(before))


def in_order(targets: Sequence[Step]) -> list[Step]:
    """Return the targets and everything they need, parents first. Raises UsageError when two steps share a name."""
    ordered: dict[Step, None] = {}

    def visit(step: Step, above: frozenset[Step]) -> None:
        if step in above:
            raise UsageError(f"step {step.name!r} needs its own result", fix="remove the cycle from the recipe")
        if step in ordered:
            return
        for parent in step.parents:
            visit(parent, above | {step})
        ordered[step] = None

    for target in targets:
        visit(target, frozenset())
    names = [step.name for step in ordered]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two steps are named {twice[0]!r}", fix="give every step of a recipe its own name")
    return list(ordered)
