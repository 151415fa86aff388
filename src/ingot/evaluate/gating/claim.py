"""What a gate claims of a model, and the verdict over all claims: pass, fail, or unsure.

The errors are bounded over all requirements together, not each by itself:

- a model that is as good fails at most 2.5 times in 100, however many requirements there are: what is shown by a test
  fails by Holm's procedure (1979, Scandinavian Journal of Statistics 6, 65-70), which asks the surest claim the most
- a model that misses one requirement passes at most 2.5 times in 100: it must pass every one, each at its own level,
  and that needs no correction (the intersection-union test, Berger 1982, Technometrics 24, 295-300)

What is neither is unsure. A claim that is a plain fact, such as a number of parameters, has no error and no test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ingot.evaluate.gating.paired import ERROR, Needed, Paired, needed

Verdict = Literal["pass", "fail", "unsure"]
PASS: Verdict = "pass"
FAIL: Verdict = "fail"
UNSURE: Verdict = "unsure"


@dataclass(frozen=True)
class Claim:
    """One requirement and what was found: `holds` where it was shown to, `fails` where it plainly does not.

    `p_value` is how probable what was found is if nothing were wrong, where that was tested. `paired` has the figures
    of a comparison, `missing` is what to do where nothing was measured.
    """

    kind: str
    demands: str
    found: str
    holds: bool = False
    fails: bool = False
    p_value: float | None = None
    paired: Paired | None = None
    missing: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """The verdict of one requirement, with the reason in words."""

    claim: Claim
    verdict: Verdict
    reason: str

    def as_facts(self) -> dict[str, Any]:
        """Return it as JSON literals."""
        paired = self.claim.paired
        told = {"kind": self.claim.kind, "demands": self.claim.demands, "verdict": self.verdict, "reason": self.reason}
        figures = dict(self.claim.figures)
        if paired is not None:
            names = ("difference", "low", "high", "margin", "items", "only_first", "only_second")
            figures |= {name: _rounded(getattr(paired, name)) for name in names}
        if self.claim.p_value is not None:
            figures["p_value"] = _rounded(self.claim.p_value)
        return {**told, **figures} | ({"fix": self.claim.missing} if self.claim.missing else {})


def judged(claims: Sequence[Claim]) -> list[Outcome]:
    """Return the verdict of every claim, in order."""
    tested = [each for each in claims if each.p_value is not None]
    shown = _holm([each.p_value for each in tested if each.p_value is not None])
    is_shown = {id(each): is_one for each, is_one in zip(tested, shown, strict=True)}
    return [_outcome(each, is_shown.get(id(each), False), len(tested)) for each in claims]


def overall(outcomes: Sequence[Outcome]) -> Verdict:
    """Return fail if one failed, else unsure if one is unsure or nothing was asked, else pass."""
    verdicts = {each.verdict for each in outcomes}
    if FAIL in verdicts:
        return FAIL
    return UNSURE if UNSURE in verdicts or not verdicts else PASS


def _holm(p_values: Sequence[float]) -> list[bool]:
    """Say which hypotheses fall: the smallest p is held against level / m, the next against level / (m - 1), ..."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    falls = [False] * len(p_values)
    for rank, place in enumerate(order):
        if p_values[place] >= ERROR / (len(p_values) - rank):
            break
        falls[place] = True
    return falls


def _outcome(claim: Claim, is_shown: bool, tests: int) -> Outcome:
    if claim.holds:
        is_less = claim.paired is not None and claim.paired.difference < 0 and claim.paired.p_worse < ERROR
        return Outcome(claim, PASS, claim.found + (": worse, but by less than the margin" if is_less else ""))
    if claim.fails or is_shown:
        return Outcome(claim, FAIL, claim.found)
    return Outcome(claim, UNSURE, claim.found + _open(claim, tests))


def _open(claim: Claim, tests: int) -> str:
    """Say what it would take to be sure."""
    if claim.missing:
        return ""
    if claim.paired is None:
        return "; too few items to tell" if claim.p_value is not None else ""
    is_alone = "; worse if nothing else were asked" if claim.paired.p_worse < ERROR else ""
    told: Needed = needed(claim.paired, ERROR / max(tests, 1))
    between = f" ({told.low:,} to {told.high:,})" if told.low != told.high else ""
    if claim.paired.items >= told.items:
        return f"{is_alone}; it lies between the two, and more items would tell"
    return f"{is_alone}; too few items to tell, it takes about {told.items:,}{between}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if abs(value) != float("inf") else None
    return value
