"""Which dataset the n-th row of a training comes from: a pure function, in exact proportions.

Datasets are told apart one at a time, the largest share first: of the first n rows that are left, floor(n * share)
belong to it, and the row that raises the floor is its own (the way Bresenham 1965 spreads steps over a line). So after
any number of rows a dataset has had its share to within a row or three (1 + 1 + 1/2 + 1/3 + ... over the datasets), for
ever; rows drawn at random are off by the square root of their number. Only integers are used: every machine agrees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingot.core.errors import UsageError, suggest
from ingot.data.permutation import Numbers, key_of

_BITS = 32  # of a share: proportions are kept to one in four billion
_ONE = 1 << _BITS
_TRIFLE = 1e-9  # of the rows, which sums of shares may be off by

Integers = npt.NDArray[np.int64]
Shares = Mapping[str, float]


@dataclass(frozen=True)
class Phase:
    """Weights by dataset from a point of the training on; `start` is a share of its steps, above 0 and below 1."""

    start: float
    weights: Shares


@dataclass(frozen=True)
class Config:
    """How much is read of each dataset, by the names of the inputs.

    `weights` are relative shares of the rows. Without them a dataset counts by its size, times its `epochs` (1 where
    it has none): with {"laws": 3} the laws are read three times as often as the other datasets. A `temperature` above 1
    evens out either: weight ** (1 / temperature). `phases` change the weights in the course of the training. `replay`
    gives datasets, such as those of an earlier training, a fixed share of all rows whatever the others weigh. No
    dataset is read more than `max_epochs` times: what one cannot take, the others take by their weights. With equal
    weights that is UniMax (Chung et al. 2023, algorithm 1): as even as can be without repeating the small to death.
    """

    weights: Shares = field(default_factory=dict)
    epochs: Shares = field(default_factory=dict)
    temperature: float = 1.0
    phases: tuple[Phase, ...] = ()
    replay: Shares = field(default_factory=dict)
    max_epochs: float | None = None

    def __post_init__(self) -> None:
        if self.weights and self.epochs:
            raise _refused("it has both weights and epochs", "give one of them: epochs become weights by size")
        if not self.temperature > 0:
            raise _refused(f"its temperature is {self.temperature}", "1 leaves weights as they are, 2 evens them out")
        for weights in (self.weights, self.epochs, self.replay, *(phase.weights for phase in self.phases)):
            if any(not 0 <= weight < math.inf for weight in weights.values()):
                raise _refused(f"a weight is negative or no number: {dict(weights)}", "use 0 for what is not wanted")
        if self.max_epochs is not None and not 0 < self.max_epochs < math.inf:
            raise _refused(f"its max_epochs are {self.max_epochs}", "4 is a good number: more repeats teach little")
        if sum(self.replay.values()) >= 1:
            raise _refused("replay takes all rows", "give shares of all rows that add up to less than 1, such as 0.1")
        starts = [0.0, *(phase.start for phase in self.phases), 1.0]
        if any(start >= after for start, after in pairwise(starts)):
            raise _refused("its phases are not in order", "let each start after the one before, above 0 and below 1")


class Mixture:
    """The datasets of a training's rows, counted from 0 over all steps."""

    def __init__(self, phases: Sequence[tuple[int, Shares]], names: Sequence[str], seed: int) -> None:
        """Take pairs of (first row, share of each dataset); the first begins at row 0."""
        self._phases: list[_Dealer] = []
        for number, (first_row, shares) in enumerate(phases):
            before = self.counts(first_row) if number else [0] * len(names)
            weights = [shares.get(name, 0.0) for name in names]
            self._phases.append(_Dealer(first_row, weights, before, int(key_of(seed, "mixture", number)[0])))

    def pick(self, rows: Numbers) -> tuple[Integers, Numbers]:
        """Return for each row the number of its dataset, and how many rows that dataset has had before."""
        which, numbers = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=np.uint64)
        ends = [phase.first_row for phase in self._phases[1:]]
        phase_of = np.searchsorted(np.array(ends, dtype=np.uint64), rows, side="right")
        for number in np.unique(phase_of).tolist():
            is_in = phase_of == number
            which[is_in], numbers[is_in] = self._phases[number].pick(rows[is_in])
        return which, numbers

    def counts(self, rows: int) -> list[int]:
        """Return how many of the first `rows` rows each dataset has."""
        return [phase for phase in self._phases if phase.first_row <= rows][-1].counts(rows)


class _Turn(NamedTuple):
    """A dataset's turn: its share of the rows left to it and where in a row of turns it begins, in parts of `_ONE`."""

    dataset: int
    share: int
    shift: int


class _Dealer:
    """Deals the rows of one phase."""

    def __init__(self, first_row: int, weights: Sequence[float], before: Sequence[int], seed: int) -> None:
        self.first_row = first_row
        self._before = list(before)
        wanted = [number for number in np.argsort(-np.array(weights), kind="stable").tolist() if weights[number] > 0]
        self._last = wanted[-1]
        self._turns = []
        for place, number in enumerate(wanted[:-1]):
            share = weights[number] / sum(weights[other] for other in wanted[place:])
            shift = int(key_of(seed, place)[0]) >> (64 - _BITS)
            self._turns.append(_Turn(number, min(max(round(share * _ONE), 1), _ONE - 1), shift))

    def pick(self, rows: Numbers) -> tuple[Integers, Numbers]:
        which, numbers = np.full(len(rows), self._last), rows - np.uint64(self.first_row)
        left, rest = np.arange(len(rows)), numbers
        for turn in self._turns:
            had, has = _had(rest, turn), _had(rest + np.uint64(1), turn)
            is_its = has > had
            which[left[is_its]], numbers[left[is_its]] = turn.dataset, had[is_its]
            left, rest = left[~is_its], (rest - had)[~is_its]
        numbers[left] = rest
        return which, numbers + np.array(self._before, dtype=np.uint64)[which]

    def counts(self, rows: int) -> list[int]:
        counts, rest = list(self._before), np.array([rows - self.first_row], dtype=np.uint64)
        for turn in self._turns:
            had = _had(rest, turn)
            counts[turn.dataset] += int(had[0])
            rest = rest - had
        counts[self._last] += int(rest[0])
        return counts


def _had(rows: Numbers, turn: _Turn) -> Numbers:
    """Return floor((rows * share + shift) / _ONE): how many of the first `rows` have been this dataset's."""
    share, low = np.uint64(turn.share), np.uint64(_ONE - 1)
    # In two halves, so that no product outgrows 64 bits.
    return (rows >> np.uint64(_BITS)) * share + (((rows & low) * share + np.uint64(turn.shift)) >> np.uint64(_BITS))


def plan(config: Config, sizes: Mapping[str, int], steps: int, batch_size: int) -> list[tuple[int, Shares]]:
    """Return from which row on each dataset has which share of the rows. Sizes are in rows; without a cap, in any unit.

    Raises UsageError when a name is unknown, a dataset is never read, or all are too small for `max_epochs`.
    """
    given = {name: weight for weights in _all_weights(config) for name, weight in weights.items()}
    for name in given:
        if name not in sizes:
            raise _refused(f"it names a dataset {name!r} that is not there", suggest(name, sorted(sizes)))
    base = config.weights or {name: size * config.epochs.get(name, 1.0) for name, size in sizes.items()}
    largest = max(base.values(), default=0.0) or 1.0
    first: Shares = {
        name: (weight / largest) ** (1 / config.temperature) for name, weight in base.items() if weight > 0
    }
    if (config.phases or config.max_epochs) and steps < 1:
        what = "phases" if config.phases else "max_epochs"
        raise _refused(f"it has {what} of a training of no length", "say how many steps the training has")
    phases = [(0, first), *((round(phase.start * steps), phase.weights) for phase in config.phases)]
    planned: list[tuple[int, Shares]] = [
        (step * batch_size, _with_replay(weights, config.replay)) for step, weights in phases
    ]
    unread = [name for name in sizes if not any(shares.get(name) for _, shares in planned)]
    if unread:
        raise _refused(f"it never reads {', '.join(unread)}", "give it a weight, or leave it out of the inputs")
    return _within(config, sizes, planned, steps * batch_size) if config.max_epochs else planned


def _within(
    config: Config, sizes: Mapping[str, int], planned: Sequence[tuple[int, Shares]], rows: int
) -> list[tuple[int, Shares]]:
    """Return the shares with which no dataset is read more than `max_epochs` times, phase after phase."""
    left = {name: size * (config.max_epochs or 0.0) for name, size in sizes.items()}
    capped: list[tuple[int, Shares]] = []
    for (start, shares), end in zip(planned, [*(start for start, _ in planned[1:]), rows], strict=True):
        size = end - start
        fixed = {name: share * size for name, share in config.replay.items()}
        others = {name: share for name, share in shares.items() if name not in fixed}
        taken = {**fixed, **divided(others, size - sum(fixed.values()), left)}
        left = {name: most - taken.get(name, 0.0) for name, most in left.items()}
        if min(left.values()) < -_TRIFLE * rows or sum(taken.values()) < size * (1 - _TRIFLE):
            what = f"there is not enough for {rows:,} rows with at most {config.max_epochs:g} epochs of each dataset"
            raise _refused(what, "train for fewer steps, allow more epochs, or add documents")
        capped.append((start, {name: each / size for name, each in taken.items()} if size else shares))
    return capped


def divided(shares: Shares, rows: float, left: Shares) -> dict[str, float]:
    """Divide rows by shares, to no dataset more than is `left` of it; what one cannot take goes to the others.

    The one that is exhausted first is served first, so that one round is enough (Chung et al. 2023, algorithm 1).
    """
    taken: dict[str, float] = {}
    waiting = sorted((name for name in shares if shares[name] > 0), key=lambda name: left[name] / shares[name])
    for place, name in enumerate(waiting):
        share = shares[name] / sum(shares[other] for other in waiting[place:])
        taken[name] = min(left[name], share * (rows - sum(taken.values())))
    return taken


def _with_replay(weights: Shares, replay: Shares) -> dict[str, float]:
    """Return shares that add up to 1: those of `replay`, and what is left divided by weight."""
    others = {name: weight for name, weight in weights.items() if name not in replay}
    total = sum(others.values())
    if not total > 0:
        raise _refused("a phase has no weight above 0 beside replay", "name what is to be read in it")
    left = 1 - sum(replay.values())
    return {**replay, **{name: weight / total * left for name, weight in others.items()}}


def _all_weights(config: Config) -> tuple[Shares, ...]:
    return config.weights, config.epochs, config.replay, *(phase.weights for phase in config.phases)


def _refused(what: str, fix: str) -> UsageError:
    return UsageError(f"this mixture cannot be read: {what}", where="mixture", fix=fix)
