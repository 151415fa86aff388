"""What a training spends while it trains, and the limit at which it saves and stops.

A limit (seconds, joules or money) is no part of what is trained: training ends by steps. At the limit the step at hand
is taken to its end, the state is saved as when somebody asks for a stop, and the error says what was spent, what is
left to do and how to go on. With a higher limit the same command goes on from there, with the same bits.

Counted are all attempts at the training together. Of several processes each may spend its equal share of the energy.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from ingot.core.allowance import JOULES_PER_KWH, Allowance
from ingot.core.energy import Energy, Meter, sum_of
from ingot.core.errors import KilledError, StepError, UsageError
from ingot.train.state import TrainingState

# Reading counters of GPUs takes milliseconds.
_SECONDS_BETWEEN_LOOKS = 0.5


class Spending:
    """Counts from its creation on; `processes` share what is allowed.

    Raises UsageError when a limit is in joules, or in money for energy, and nobody can tell joules here.
    """

    def __init__(self, allowance: Allowance, processes: int = 1, meter: Meter | None = None) -> None:
        self._allowance, self._processes = allowance, processes
        self._meter = meter or Meter()
        self._began = time.monotonic()
        self._looked = -math.inf
        self._is_over = False
        needs_joules = allowance.joules or (allowance.money and allowance.per_kwh)
        if needs_joules and self.energy().joules is None:
            raise UsageError(
                "this limit cannot be kept: energy is not measured on this machine",
                where="--stop-at",
                why="it has a GPU whose counters cannot be read",
                fix="pip install 'ingot[energy]', or give a limit in time, such as --stop-at 8h",
            )

    def energy(self) -> Energy:
        """Return what this process has used since the training began or went on."""
        return self._meter.read()

    def seconds(self) -> float:
        """Return the seconds of all attempts."""
        return self._allowance.spent_seconds + time.monotonic() - self._began

    def joules(self) -> float | None:
        """Return the joules of all attempts and all processes; None when they are not measured."""
        here = self.energy().joules
        ours = None if here is None else here * self._processes
        return sum_of([self._allowance.spent_joules, ours])

    def is_over(self) -> bool:
        """Say whether a limit is reached."""
        now = time.monotonic()
        if self._allowance.is_limited and not self._is_over and now - self._looked >= _SECONDS_BETWEEN_LOOKS:
            self._looked = now
            self._is_over = self._reached() >= 1
        return self._is_over

    def _reached(self) -> float:
        """Return the largest share of a limit that is spent."""
        allowed, joules = self._allowance, self.joules()
        money = allowed.prices.of(self.seconds(), joules)
        pairs = ((self.seconds(), allowed.seconds), (joules, allowed.joules), (money, allowed.money))
        return max((spent / limit for spent, limit in pairs if limit and spent is not None), default=0.0)

    def or_asked(self, asked: Callable[[], bool]) -> Callable[[], bool]:
        """Return what says whether to stop: somebody asked, or the limit is reached."""
        return lambda: asked() or self.is_over()

    @contextlib.contextmanager
    def in_words(self, state: TrainingState, steps: int) -> Iterator[None]:
        """Inside, being stopped at a limit raises StepError that says so; nobody tries that again by himself."""
        first = state.step
        try:
            yield
        except KilledError as error:
            if not self._is_over:
                raise
            raise self._at_limit(state, steps, first) from error

    def _at_limit(self, state: TrainingState, steps: int, first: int) -> StepError:
        left, done = steps - state.step, max(state.step - first, 1)
        here = replace(self._allowance, spent_seconds=0.0, spent_joules=0.0)
        seconds = (self.seconds() - self._allowance.spent_seconds) / done * left
        used = self.energy()
        joules = None if used.joules is None else used.joules * self._processes / done * left
        limit, at = _limits(self._allowance), f"step {state.step} of {steps}"
        return StepError(
            f"the training has reached its limit ({limit}) and is saved at {at}",
            why=f"{_amounts(here, self.seconds(), self.joules(), used.method)} are spent; the {left} steps that are"
            f" left take about {_amounts(here, seconds, joules, used.method)}",
            fix="run the same command with a higher --stop-at, or without: it goes on from there",
        )


def _limits(allowance: Allowance) -> str:
    told = [_time(allowance.seconds)] if allowance.seconds else []
    told += [_kwh(allowance.joules)] if allowance.joules else []
    return " or ".join([*told, *([f"{allowance.money:g} of money"] if allowance.money else [])])


def _amounts(allowance: Allowance, seconds: float, joules: float | None, method: str) -> str:
    energy = "energy that is not measured" if joules is None else f"{_kwh(joules)} ({method})"
    money = allowance.prices.of(seconds, joules)
    return ", ".join([_time(seconds), energy, *([f"{money:.3g} of money"] if money is not None else [])])


def _time(seconds: float) -> str:
    for limit, unit in ((5400, "h"), (90, "min")):
        if seconds >= limit:
            return f"{seconds / (3600 if unit == 'h' else 60):.3g} {unit}"
    return f"{seconds:.3g} s"


def _kwh(joules: float) -> str:
    return f"{joules / JOULES_PER_KWH:.3g} kWh" if joules >= JOULES_PER_KWH / 10 else f"{joules / 3600:.3g} Wh"
