"""The stop rule: a training that leaves the band it was forecast to stay in is saved and ended.

A forecast (plan/prediction.py) says for every look at held-out text what to expect there, from how much to how much.
Two looks in a row above the band mean that something is not as it was in the pilots (the data, the rate, the machine),
and that what is still to be spent buys a worse model than was promised. Better than forecast is only told.

Whoever starts the same training again has seen that, so the rule stops a training once and only warns from then on.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ingot.core.errors import KilledError, StepError
from ingot.core.events import Emit
from ingot.core.storage import write_atomically
from ingot.flow.artifact import Artifact
from ingot.flow.step import StepContext
from ingot.plan.prediction import FIGURE, Expected, course_of

FORECAST = "forecast"
LEFT = "left-the-band.json"
# One look may be bad luck.
LOOKS_ABOVE = 2
# Of the steps: how a training begins says little about how it ends.
_FIRST_SHARE = 0.1

Look = Callable[..., dict[str, float]]


class StopRule:
    """Compares each look at held-out text with its forecast. Without a forecast it never has anything to say."""

    def __init__(self, course: Mapping[int, Expected], folder: Path, emit: Emit) -> None:
        self._course, self._file, self._emit = course, folder / LEFT, emit
        self._looks_above = 0
        self.reason: StepError | None = None

    def watching(self, look: Look) -> Look:
        """Return a look that also tells the rule what it saw; its last argument is the number of steps done."""

        def seen(*arguments: Any) -> dict[str, float]:
            found = look(*arguments)
            if FIGURE in found:
                self.compare(int(arguments[-1]), found[FIGURE])
            return found

        return seen

    def compare(self, step: int, value: float) -> None:
        """Take note of one look; the last one needs no rule any more."""
        expected, last = self._course.get(step), max(self._course, default=0)
        if expected is None or not _FIRST_SHARE * last <= step < last:
            return
        if value < expected.low:
            text = (
                f"better than forecast: {value:.3f} bits per byte, {expected.low:.3f} to {expected.high:.3f} expected"
            )
            self._emit("note", text=text, at_step=step)
        self._looks_above = self._looks_above + 1 if value > expected.high else 0
        if self._looks_above >= LOOKS_ABOVE:
            self._act(step, value, expected, last)

    def _act(self, step: int, value: float, expected: Expected, last: int) -> None:
        what = (
            f"{value:.3f} bits per byte at step {step}, where {expected.low:.3f} to {expected.high:.3f} were forecast"
        )
        if self._file.exists():
            self._emit("warning", text=f"still worse than forecast: {what}", at_step=step)
            return
        write_atomically(self._file, json.dumps({"step": step, "bits_per_byte": value}) + "\n")
        self.reason = StepError(
            f"the training is worse than its forecast: {what}",
            where=f"step {step} of {last}",
            why="something is not as it was in the pilots (the data, the learning rate, the machine), and the steps "
            "still to come would buy less than was promised; everything up to here is saved",
            fix="look at its curve; to go on anyway run the same command again: it goes on and is not stopped again",
        )

    def or_asked(self, is_asked: Callable[[], bool]) -> Callable[[], bool]:
        """Return a question that is answered with yes also when the rule wants the training to end."""
        return lambda: self.reason is not None or is_asked()

    @contextlib.contextmanager
    def in_words(self) -> Iterator[None]:
        """Inside, a training that ended because of the rule says so."""
        try:
            yield
        except KilledError:
            if self.reason is None:
                raise
            raise self.reason from None


def rule_of(inputs: Mapping[str, Artifact], context: StepContext) -> StopRule:
    """Return the rule of a training: that of its input `forecast`, if it has one."""
    course = course_of(inputs[FORECAST].facts) if FORECAST in inputs else {}
    return StopRule(course, context.folder, context.emit)
