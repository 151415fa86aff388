"""Training batches from shards, so that where a run stands is one number: the step.

A packed batch holds, for each row: the ids of one window of consecutive tokens (whole documents and parts of them, one
after another, no padding); for each id the one that follows it in the same document; and the number of its document
within the row, by which a model keeps documents from seeing one another. Batch n is the same whoever asks, on whichever
machine, after however many restarts, and its rows are dealt among ranks without a repeat or a gap.

    row number --mixture--> dataset, its n-th window --order--> shard, first token --read--> tokens, targets, segments
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingot.core.errors import InputError, UsageError
from ingot.data.mixture import Config, Mixture, plan
from ingot.data.order import Order, Places
from ingot.data.shard import Shard, Stretch
from ingot.data.shards import Shards

IGNORED = -100  # the target of a token whose successor is in another document
VERSION = 2  # of the order of rows: raised when the same step and seed would give another batch

# Where rows come from is computed for about so many at once: one at a time it would cost more than reading them.
_ROWS_AHEAD = 1024

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's rows, each [batch, time]. `segments` numbers the documents within a row, from 0."""

    tokens: Integers
    targets: Integers
    segments: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Row:
    """Where a row comes from: the dataset, how often it was read before, its shard, and the first token in that."""

    dataset: str
    epoch: int
    shard: int
    first: int


class Stream:
    """An endless row of batches over one split of one dataset, or of several in a mixture."""

    def __init__(
        self,
        datasets: Shards | Mapping[str, Shards],
        batch_size: int,
        sequence_length: int,
        seed: int,
        mixture: Config | None = None,
        steps: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        """Read as rank `rank` of `ranks`, each of which gets a run of the batch's rows.

        `steps` is the length of the training, of which the phases of a mixture are shares. Raises InputError when a
        dataset is shorter than one window, or was made with another tokenizer than the first.
        """
        named = {"shards": datasets} if isinstance(datasets, Shards) else dict(sorted(datasets.items()))
        _require_one_tokenizer(named)
        if not 0 <= rank < ranks <= batch_size:
            raise _too_many_ranks(rank, ranks, batch_size)
        self._batch_size, self._length, self._seed = batch_size, sequence_length, seed
        self._rows = np.arange(batch_size * rank // ranks, batch_size * (rank + 1) // ranks, dtype=np.uint64)
        self._names = list(named)
        self._orders = [Order(name, shards, sequence_length, seed) for name, shards in named.items()]
        self._mixture = Mixture(self._plan(mixture or Config(), steps), self._names, seed)
        self._steps_ahead = max(1, _ROWS_AHEAD // len(self._rows))
        self._ahead: _Ahead | None = None

    def _plan(self, config: Config, steps: int) -> list[tuple[int, Mapping[str, float]]]:
        # Only for a cap, or where nobody says how to weigh several datasets, must sizes be known, and so all shards.
        by_size = config.max_epochs or (len(self._names) > 1 and not config.weights)
        sizes = [order.know_all() if by_size else 1 for order in self._orders]
        return plan(config, dict(zip(self._names, sizes, strict=True)), steps, self._batch_size)

    def batch(self, step: int) -> Batch:
        """Return this rank's rows of the batch of a step, counted from 0.

        At the end of an epoch a batch goes on into the next one.
        """
        ahead, begin, end = self._locate(step)
        ids = np.empty((end - begin, self._length + 1), dtype=ahead.shards[0].dtype)
        for row, shard, first in zip(
            ids.view(np.uint8), ahead.shard_of[begin:end], ahead.firsts[begin:end], strict=True
        ):
            ahead.shards[shard].read_into(first, row)
        batch = _blank(len(ids), self._length)
        batch.tokens[:], batch.targets[:], batch.segments[:] = ids[:, :-1], ids[:, 1:], 0
        batch.targets.reshape(-1)[ahead.last.of(begin, end)] = IGNORED
        batch.segments.reshape(-1)[ahead.first.of(begin, end)] = 1
        np.cumsum(batch.segments, axis=1, out=batch.segments)
        return batch

    def rows(self, step: int) -> list[Row]:
        """Return where this rank's rows of a batch come from."""
        ahead, begin, end = self._locate(step)
        columns = (ahead.datasets, ahead.places.epochs, ahead.places.shards, ahead.places.firsts)
        found = zip(*(column[begin:end].tolist() for column in columns), strict=True)
        return [Row(self._names[dataset], epoch, shard, first) for dataset, epoch, shard, first in found]

    def documents_of(self, step: int, row: int) -> list[Stretch]:
        """Return the documents in one of this rank's rows of a batch, in order: which tokens of which."""
        origin = self.rows(step)[row]
        shards = self._orders[self._names.index(origin.dataset)].shards
        return shards[origin.shard].documents_at(origin.first, self._length)

    def documents(self, step: int) -> list[str]:
        """Return the ids of all documents in this rank's rows of a batch, each once, in order."""
        rows = range(len(self._rows))
        return list(dict.fromkeys(part.doc_id for row in rows for part in self.documents_of(step, row)))

    def epochs(self, step: int) -> dict[str, float]:
        """Return how often each dataset has been read when `step` steps are done."""
        counts = self._mixture.counts(step * self._batch_size)
        read = zip(self._names, counts, self._orders, strict=True)
        return {name: round(count / order.know_all(), 4) for name, count, order in read}

    def position(self, step: int) -> dict[str, int]:
        """Return all it takes to go on from a step: the step, the seed, and the version of the order."""
        return {"step": step, "seed": self._seed, "version": VERSION}

    def resume(self, position: Mapping[str, int] | None) -> None:
        """Check that this stream goes on as the one that was at `position`. Raises InputError when it would not."""
        known = position or {}
        if (known.get("seed"), known.get("version")) != (self._seed, VERSION):
            raise _another_order(known, self._seed)

    def _locate(self, step: int) -> tuple[_Ahead, int, int]:
        """Return what is known about a run of steps, and which of its rows are this step's."""
        if self._ahead is None or step not in self._ahead.steps:
            before = self._ahead.shards if self._ahead else []
            self._ahead = self._look_ahead(self._block(step))
            for shard in before:
                if shard not in self._ahead.shards:
                    shard.release()
        place = step - self._ahead.steps.start
        return self._ahead, place * len(self._rows), (place + 1) * len(self._rows)

    def _block(self, step: int) -> range:
        """Return the steps to look ahead with this one: it alone, where a later one might wait for a shard."""
        count = self._steps_ahead if all(order.shards.is_whole for order in self._orders) else 1
        first = step // count * count
        return range(first, first + count)

    def _look_ahead(self, block: range) -> _Ahead:
        steps = np.arange(block.start, block.stop, dtype=np.uint64)
        datasets, numbers = self._mixture.pick((steps[:, None] * np.uint64(self._batch_size) + self._rows).ravel())
        places = Places(*np.zeros((3, len(datasets)), dtype=np.int64))
        for dataset in np.unique(datasets).tolist():
            is_its = datasets == dataset
            found = self._orders[dataset].places(numbers[is_its])
            places.epochs[is_its], places.shards[is_its], places.firsts[is_its] = found
        return _Ahead(block, datasets, places, self._orders, self._length)


class _Ahead:
    """Where the rows of some steps come from, and at which columns in them documents begin and end."""

    def __init__(self, steps: range, datasets: Integers, places: Places, orders: list[Order], length: int) -> None:
        self.steps, self.datasets, self.places = steps, datasets, places
        used, shard_of = np.unique(datasets << 32 | places.shards, return_inverse=True)
        self.shards = [orders[each >> 32].shards[each & 0xFFFFFFFF] for each in used.tolist()]
        # As lists, because batches take them one by one.
        self.shard_of: list[int] = shard_of.tolist()
        self.firsts: list[int] = places.firsts.tolist()
        marks = [
            _marks(shard, np.flatnonzero(shard_of == place), places.firsts, length)
            for place, shard in enumerate(self.shards)
        ]
        rows, columns = np.concatenate(marks, axis=1)
        is_inside = columns < length  # or the document begins right behind the row
        self.first = _Marks(rows[is_inside], columns[is_inside], len(datasets), length)
        self.last = _Marks(rows, columns - 1, len(datasets), length)


class _Marks:
    """Single tokens of many rows, found by row; numbered through all rows of a batch."""

    def __init__(self, rows: Integers, columns: Integers, count: int, length: int) -> None:
        self._length = length
        self._at = np.sort(rows * length + columns)
        self._bounds: list[int] = np.searchsorted(self._at, np.arange(count + 1) * length).tolist()

    def of(self, begin: int, end: int) -> Integers:
        """Return those of the rows from `begin` to `end`, the first token of which is number 0."""
        return self._at[self._bounds[begin] : self._bounds[end]] - begin * self._length


def _blank(rows: int, length: int) -> Batch:
    """Return a batch to be filled.

    It is one piece of memory: of several large ones the allocator gives some back to the system after every batch, and
    to get them again costs more than to fill them.
    """
    count, int64 = rows * length, np.dtype(np.int64).itemsize
    memory = np.empty(count * (2 * int64 + np.dtype(np.int32).itemsize), dtype=np.uint8)
    tokens, targets = memory[: 2 * int64 * count].view(np.int64).reshape(2, rows, length)
    return Batch(tokens, targets, memory[2 * int64 * count :].view(np.int32).reshape(rows, length))


def _marks(shard: Shard, rows: Integers, firsts: Integers, length: int) -> Integers:
    """Return row and column (1 to `length`) of the documents that begin inside some windows of a shard."""
    first = firsts[rows]
    begins, ends = (
        # The needles in the type of the haystack: otherwise all of it would be converted.
        shard.starts.searchsorted((first + offset).astype(shard.starts.dtype))
        for offset in (1, length + 1)
    )
    counts = ends - begins
    behind = counts.cumsum() - counts
    found = np.arange(counts.sum()) + np.repeat(begins - behind, counts)
    return np.stack([np.repeat(rows, counts), shard.starts[found].astype(np.int64) - np.repeat(first, counts)])


def _require_one_tokenizer(datasets: Mapping[str, Shards]) -> None:
    if not datasets:
        fix = "give the training at least one artifact of kind Shards"
        raise UsageError("there is nothing to read: no dataset was given", where="stream", fix=fix)
    first, *others = datasets
    for name in others:
        if datasets[name].tokenizer != datasets[first].tokenizer:
            raise InputError(
                f"{name} and {first} were tokenised with different tokenizers",
                where=name,
                why="the same id stands for different text in them, so no model can learn from both",
                fix=f"tokenise {name} with the tokenizer of {first}",
            )


def _too_many_ranks(rank: int, ranks: int, batch_size: int) -> UsageError:
    return UsageError(
        f"rank {rank} of {ranks} has no rows in a batch of {batch_size}",
        where="stream",
        fix=f"use ranks from 0 to {ranks - 1}, and a batch of at least {ranks} rows",
    )


def _another_order(known: Mapping[str, int], seed: int) -> InputError:
    return InputError(
        "this training cannot be continued: its rows would come in another order",
        where=f"seed {known.get('seed')}, order {known.get('version')}; now seed {seed}, order {VERSION}",
        why="some documents would be read twice and others never",
        fix="continue with the version of Ingot and the seed it began with, or begin again",
    )
