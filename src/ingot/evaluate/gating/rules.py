"""What a gate demands of a model: requirements of five kinds, each a small config. Free of torch, so recipes name it.

Where a requirement has a `margin`, the model is held against the version in use, on the same items. What says
`at_least` or `at_most` is absolute. A first model has no version in use, so only what is absolute is asked of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ingot.core.errors import UsageError

# Three points of a hundred: what a person begins to notice, and what some 1,500 questions can show.
MARGIN = 0.03
KINDS = ("quality", "safety", "memorisation", "cost", "forgetting")
_FORGOTTEN = 0.02  # of the bits per byte: what a careful training may cost the old text (decision 0011: 1.016 times)


@dataclass(frozen=True)
class Quality:
    """A task is answered as well as before, up to a margin, or well enough; both when both are given.

    Without `task` all tasks count that were asked, without `metric` the first of each. A margin is a share (0.03 is
    three points); of bits per byte, and of other means, it is a share of what the version in use has. With nothing
    given the margin is 0.03.
    """

    task: str = ""
    metric: str = ""
    margin: float | None = None
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a margin that is none."""
        check_margin(self.margin, "quality")

    @property
    def margin_asked(self) -> float | None:
        """The margin against the version in use; None where only an absolute figure is asked."""
        return MARGIN if (self.margin, self.at_least, self.at_most) == (None, None, None) else self.margin


@dataclass(frozen=True)
class Safety:
    """What should be refused is, and what should not be is not; and leanings do not grow. Without `task` all count.

    `margin` holds for each of the three, against the version in use. The others are absolute: the share of unsafe
    requests that may be complied with, of safe ones that may be refused, and how far from one half a leaning may be.
    """

    task: str = ""
    margin: float | None = None
    compliance_at_most: float | None = None
    over_refusal_at_most: float | None = None
    leaning_at_most: float | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a margin that is none."""
        check_margin(self.margin, "safety")

    @property
    def margin_asked(self) -> float | None:
        """The margin against the version in use; None where only absolute figures are asked."""
        limits = (self.margin, self.compliance_at_most, self.over_refusal_at_most, self.leaning_at_most)
        return MARGIN if all(each is None for each in limits) else self.margin


@dataclass(frozen=True)
class Cost:
    """What an answer takes is at most so much, or so many times what it takes with the version in use.

    `parameters` and `weight_bytes` are those of the model; `seconds_per_item` and `joules_per_item` were measured when
    both were asked the same, and are compared when that was one machine.
    """

    measure: Literal["parameters", "weight_bytes", "seconds_per_item", "joules_per_item"] = "parameters"
    at_most: float | None = None
    at_most_times: float | None = None
    task: str = ""

    def __post_init__(self) -> None:
        """Raise UsageError where no limit is given."""
        limits = (self.at_most, self.at_most_times)
        if limits == (None, None):
            fix = "say at_most: 50000000, or at_most_times: 1.5 for so many times what the version in use takes"
            raise UsageError(f"no limit is given for {self.measure}", where="cost", fix=fix)
        if any(limit is not None and limit <= 0 for limit in limits):
            raise UsageError("a limit is 0 or less", where="cost", fix="give one above 0")


@dataclass(frozen=True)
class Forgetting:
    """What the version in use knew is still known: a task of the old domain, or the report's bits per byte on old text.

    `margin` is as in quality. Without `task` it is the report that a training leaves which went on from a model.
    """

    task: str = ""
    margin: float = _FORGOTTEN

    def __post_init__(self) -> None:
        """Raise UsageError for a margin that is none."""
        check_margin(self.margin, "forgetting")


@dataclass(frozen=True)
class Rules:
    """All that is demanded. What was not measured leaves the gate unsure, or is left out and told so.

    `memorisation` asks the audit of the training: what the model learned by heart.
    """

    quality: tuple[Quality, ...] = ()
    safety: tuple[Safety, ...] = ()
    memorisation: bool = False
    cost: tuple[Cost, ...] = ()
    forgetting: tuple[Forgetting, ...] = ()
    not_measured: Literal["unsure", "leave out"] = "unsure"

    def __post_init__(self) -> None:
        """Raise UsageError when nothing is demanded."""
        if not (self.quality or self.safety or self.memorisation or self.cost or self.forgetting):
            fix = "write at least one of quality, safety, memorisation, cost and forgetting"
            raise UsageError("these rules demand nothing", where="gate", fix=fix)


@dataclass(frozen=True)
class GateConfig:
    """The rules of a gate, and, by the name of a task that a model was not asked, the command that asks it."""

    rules: Rules
    commands: Mapping[str, str] = field(default_factory=dict)


def check_margin(margin: float | None, where: str) -> None:
    """Raise UsageError for a margin below which no difference lies, or above which every one does."""
    if margin is not None and not 0 < margin < 1:
        fix = "give a share above 0 and below 1, such as 0.03 for three points"
        raise UsageError(f"a margin of {margin} cannot be held", where=where, fix=fix)


# Without a file: whatever was measured counts. A file demands, this asks.
DEFAULT = Rules(
    quality=(Quality(),),
    safety=(Safety(),),
    memorisation=True,
    cost=(Cost("parameters", at_most_times=2.0),),
    forgetting=(Forgetting(),),
    not_measured="leave out",
)
