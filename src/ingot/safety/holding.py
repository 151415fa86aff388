"""Guarding an answer while it is written: what was not looked at is not sent.

Text comes in pieces. It is held until a guard has looked at it together with what came before, and until so many
characters follow that nothing in it can still grow into a finding: half an e-mail address is none yet. What waits
longer than the bound is looked at and sent all the same, so a slow model is not slowed further; of a finding that was
cut by it the rest is covered.

A guard that blocks ends the answer: nothing that is still held is ever sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ingot.safety.guard import Decision, Verdict, masks
from ingot.safety.redact import Replacement


@dataclass(frozen=True)
class HoldLimits:
    """How text is held: looked at every so many characters, sent when so many follow it, and no later than the bound.

    `context_characters` is how much of what was sent the guard reads again with each look.
    """

    step_characters: int = 160
    margin_characters: int = 64
    most_seconds: float = 0.5
    context_characters: int = 2_000


@dataclass(frozen=True)
class Released:
    """What may be sent now, and the verdict of the look that freed it; no verdict where nothing was looked at."""

    text: str = ""
    verdict: Verdict | None = None

    @property
    def is_blocked(self) -> bool:
        """Whether the answer ends here."""
        return self.verdict is not None and self.verdict.action == "block"


@dataclass
class Holding:
    """The held end of one answer. `look` judges a text; times are seconds of any steady clock."""

    look: Callable[[str], Verdict]
    limits: HoldLimits = HoldLimits()
    seen: str = ""  # sent text that is still context
    held: str = ""
    looked: int = 0  # characters of `held` that the last look had read
    arrivals: list[tuple[int, float]] = field(default_factory=list)  # of the held pieces: characters, and when

    def feed(self, piece: str, now: float) -> Released:
        """Take a piece; return what may be sent."""
        if piece:
            self.held += piece
            self.arrivals.append((len(piece), now))
        is_due = bool(self.arrivals) and now - self.arrivals[0][1] >= self.limits.most_seconds
        if is_due or len(self.held) - self.looked >= self.limits.step_characters:
            return self._release(0 if is_due else self.limits.margin_characters)
        return Released()

    def finish(self) -> Released:
        """Return all that is left, once the answer is complete."""
        return self._release(0) if self.held else Released()

    def _release(self, margin: int) -> Released:
        start = len(self.seen)
        whole = self.seen + self.held
        verdict = self.look(whole)
        if verdict.action == "block":
            self.held, self.arrivals = "", []
            return Released("", verdict)
        end = _before_spans(len(whole) - margin, verdict.decisions) if margin else len(whole)
        end = max(end, start)
        text = _covered(whole, masks(verdict.decisions), start, end)
        self.seen = whole[:end][-self.limits.context_characters :]
        self.held = whole[end:]
        self.looked = len(self.held)
        self.arrivals = _after(self.arrivals, end - start)
        return Released(text, verdict)


def _after(arrivals: list[tuple[int, float]], sent: int) -> list[tuple[int, float]]:
    """Return the arrivals that are left once so many characters were sent.

    >>> _after([(3, 0.0), (4, 0.5)], 5)
    [(2, 0.5)]
    """
    left = []
    for size, when in arrivals:
        if size > sent:
            left.append((size - max(sent, 0), when))
        sent -= size
    return left


def _before_spans(end: int, decisions: tuple[Decision, ...]) -> int:
    """Return the last place up to `end` that no span to be masked reaches across."""
    for mask in reversed(masks(decisions)):
        if mask.start < end < mask.end:
            end = mask.start
    return end


def _covered(text: str, covers: list[Replacement], start: int, end: int) -> str:
    """Return the text from `start` to `end` with its masks; of a span that begins before `start` the rest is left out.

    >>> _covered("ann@example.org!", [Replacement(0, 15, "[EMAIL]", "email")], 4, 16)
    '!'
    """
    parts, last = [], start
    for cover in covers:
        if cover.end <= start or cover.start >= end:
            continue
        if cover.start >= start:
            parts += [text[last : cover.start], cover.text]
        last = min(cover.end, end)
    return "".join([*parts, text[last:end]])
