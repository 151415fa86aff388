"""Learn merges from counted words: the most frequent neighbouring pair becomes one token, again and again.

The same algorithm as the trainer of Hugging Face's `tokenizers`, to the last tie, so that both give the same file
(src/models/bpe/trainer.rs, version 0.23): pairs wait in a heap, the most frequent first, of equals the one with the
smaller ids; each remembers the words it occurs in, and only those are looked at when it is merged. A pair whose two
tokens spell a token that is there already becomes that token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingot.core.compiling import cached, compiled

Integers = npt.NDArray[np.int64]
Symbols = npt.NDArray[np.int32]

# Columns. A pair's key is (left << 32 | right) + 1, so that 0 is a free row; `BEGUN` is the round in which its list of
# words was begun, `LATEST` the word put on it last.
_START, _LENGTH, _COUNT = range(3)  # of a word
_KEY, _TOTAL, _BEGUN, _HEAD, _LATEST = range(5)  # of a pair
_WORD, _NEXT = range(2)  # of a node in a list of words
_HEAP_TOTAL, _HEAP_KEY, _HEAP_HEAD = range(3)  # of a heap's entry
_PAIRS, _NODES, _HEAP, _ROUND, _TEXT = range(5)  # of the sizes; the last is how many tokens the text is long
_BITS = 32
_MULTIPLIER = 0x9E3779B97F4A7C15 - (1 << 64)
_NONE = -1


@dataclass(frozen=True)
class Learned:
    """Merges in order, as pairs of ids, and every token by id, as it is written in a vocabulary (`alphabet`)."""

    merges: tuple[tuple[int, int], ...]
    tokens: tuple[str, ...]


class Merger:
    """Words as ids, and what is known about the pairs in them."""

    def __init__(self, symbols: Symbols, starts: Integers, counts: Integers) -> None:
        """Begin with words one after another in `symbols`; `starts` has one more entry, the end of the last."""
        lengths = np.diff(starts)
        self._symbols = np.array(symbols, dtype=np.int32)
        self._words = np.stack((starts[:-1], lengths, counts), axis=1)
        self._tables = _first_tables(len(counts))
        self._sizes = np.array([0, len(counts), 0, 0, lengths @ counts], dtype=np.int64)
        if len(counts):
            self.merge(_NONE, _NONE, _NONE, 0)

    @property
    def text_tokens(self) -> int:
        """How many tokens the counted text is long by now."""
        return int(self._sizes[_TEXT])

    def pop(self) -> tuple[int, int, int, int]:
        """Take the next pair from the heap: its left and right id, how often it occurs, and its list of words.

        It occurs 0 times when there is none left.
        """
        pairs, _, heap = self._tables
        key, total, head = pop(pairs, heap, self._sizes)
        return (key - 1) >> _BITS, (key - 1) & ((1 << _BITS) - 1), total, head

    def merge(self, left: int, right: int, new: int, head: int) -> None:
        """Put `new` for the pair in all words of its list."""
        words = self._symbols, self._words
        self._tables = count_and_merge(left, right, new, head, *words, *self._tables, self._sizes)


def learn_merges(merger: Merger, tokens: Sequence[str], vocabulary: int, least: int) -> Learned:
    """Learn until there are `vocabulary` tokens, or no pair occurs `least` times. `tokens` are those there are."""
    known = list(tokens)
    ids = {token: token_id for token_id, token in enumerate(known)}
    merges: dict[tuple[int, int], None] = {}
    while len(known) < vocabulary:
        left, right, total, head = merger.pop()
        if total < least:
            break
        content = known[left] + known[right]
        if content not in ids:
            ids[content] = len(known)
            known.append(content)
        merges.pop((left, right), None)  # a pair can come twice; its later place counts
        merges[left, right] = None
        merger.merge(left, right, ids[content], head)
    return Learned(tuple(merges), tuple(known))


def _first_tables(words: int) -> tuple[Integers, Integers, Integers]:
    """Return tables of pairs, of lists and the heap: empty but for one list of all words."""
    nodes = np.zeros((2 * words + 64, 2), dtype=np.int64)
    nodes[:words, _WORD] = np.arange(words)
    nodes[:words, _NEXT] = np.arange(1, words + 1)
    nodes[max(words - 1, 0), _NEXT] = _NONE
    return np.zeros((1 << 16, 5), dtype=np.int64), nodes, np.zeros((1 << 16, 3), dtype=np.int64)


@compiled
def row_of(pairs: Integers, key: int) -> int:
    """Return the row of a pair, or the free row where it belongs."""
    mask = len(pairs) - 1
    row = ((key * _MULTIPLIER) >> 20) & mask
    while pairs[row, _KEY] != 0 and pairs[row, _KEY] != key:
        row = (row + 1) & mask
    return row


@compiled(allocates=True)
def larger_table(pairs: Integers) -> Integers:
    """Return a table of pairs with twice the rows."""
    larger = np.zeros((2 * len(pairs), pairs.shape[1]), dtype=np.int64)
    for row in range(len(pairs)):
        if pairs[row, _KEY]:
            larger[row_of(larger, pairs[row, _KEY])] = pairs[row]
    return larger


@compiled(allocates=True)
def longer(rows: Integers) -> Integers:
    """Return twice the rows, the first as they are."""
    doubled = np.zeros((2 * len(rows), rows.shape[1]), dtype=np.int64)
    doubled[: len(rows)] = rows
    return doubled


@compiled
def comes_first(heap: Integers, one: int, other: int) -> bool:
    """Say whether an entry is before another: the more frequent, of equals the one with the smaller ids."""
    is_tie = heap[one, _HEAP_TOTAL] == heap[other, _HEAP_TOTAL]
    column = _HEAP_KEY if is_tie else _HEAP_TOTAL
    difference = heap[one, column] - heap[other, column]
    return bool(difference < 0 if is_tie else difference > 0)


@compiled
def swap(heap: Integers, one: int, other: int) -> None:
    """Exchange two entries."""
    for column in range(heap.shape[1]):
        heap[one, column], heap[other, column] = heap[other, column], heap[one, column]


@compiled
def sink(heap: Integers, size: int) -> None:
    """Move the first entry down to its place."""
    place = 0
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and comes_first(heap, child + 1, child):
            child += 1
        if not comes_first(heap, child, place):
            break
        swap(heap, child, place)
        place = child


@compiled
def push(heap: Integers, size: int, total: int, key: int, head: int) -> None:
    """Add an entry behind the last and move it up to its place."""
    heap[size, _HEAP_TOTAL], heap[size, _HEAP_KEY], heap[size, _HEAP_HEAD] = total, key, head
    place = size
    while place > 0 and comes_first(heap, place, (place - 1) // 2):
        swap(heap, place, (place - 1) // 2)
        place = (place - 1) // 2


@cached
def pop(pairs: Integers, heap: Integers, sizes: Integers) -> tuple[int, int, int]:
    """Take the first entry whose count is still right; correct the others on the way. All are 0 when none is left."""
    while sizes[_HEAP]:
        key, head = heap[0, _HEAP_KEY], heap[0, _HEAP_HEAD]
        total = pairs[row_of(pairs, key), _TOTAL]
        if total == heap[0, _HEAP_TOTAL]:
            sizes[_HEAP] -= 1
            swap(heap, 0, sizes[_HEAP])
            sink(heap, sizes[_HEAP])
            return key, total, head
        heap[0, _HEAP_TOTAL] = total
        sink(heap, sizes[_HEAP])
    return 0, 0, 0


@cached(allocates=True)
def count_and_merge(
    left: int,
    right: int,
    new: int,
    head: int,
    symbols: Symbols,
    words: Integers,
    pairs: Integers,
    nodes: Integers,
    heap: Integers,
    sizes: Integers,
) -> tuple[Integers, Integers, Integers]:
    """Put `new` for a pair in the words of a list, and count the pairs that come and go; return the tables, grown.

    With a negative `left` nothing is merged and all pairs of the words are counted: that is how to begin.
    """
    sizes[_ROUND] += 1
    begun = [0 for _ in range(0)]  # empty; numba wants to know of what
    changes = np.empty((64, 2), dtype=np.int64)
    node = head
    while node >= 0:
        word, node = nodes[node, _WORD], nodes[node, _NEXT]
        start, length, count = words[word, _START], words[word, _LENGTH], words[word, _COUNT]
        while len(changes) < 4 * length:
            changes = longer(changes)
        changed = read = write = 0
        while read < length:
            symbol = int(symbols[start + read])
            before = int(symbols[start + write - 1]) if write else _NONE
            if symbol == left and read + 1 < length and symbols[start + read + 1] == right:
                if before >= 0:
                    changes[changed], changes[changed + 1] = (before << _BITS | left, -1), (before << _BITS | new, 1)
                    changed += 2
                if read + 2 < length:
                    behind = int(symbols[start + read + 2])
                    changes[changed], changes[changed + 1] = (right << _BITS | behind, -1), (new << _BITS | behind, 1)
                    changed += 2
                symbol = new
                read += 1
                sizes[_TEXT] -= count
            elif left < 0 and before >= 0:
                changes[changed] = (before << _BITS | symbol, 1)
                changed += 1
            symbols[start + write] = symbol
            read += 1
            write += 1
        words[word, _LENGTH] = write
        for change in range(changed):
            key, sign = changes[change, 0] + 1, changes[change, 1]
            row = row_of(pairs, key)
            if pairs[row, _KEY] == 0:
                if 2 * sizes[_PAIRS] > len(pairs):
                    pairs = larger_table(pairs)
                    row = row_of(pairs, key)
                pairs[row, _KEY] = key
                sizes[_PAIRS] += 1
            pairs[row, _TOTAL] += sign * count
            if sign > 0 and pairs[row, _BEGUN] != sizes[_ROUND]:
                pairs[row, _BEGUN], pairs[row, _HEAD], pairs[row, _LATEST] = sizes[_ROUND], _NONE, _NONE
                begun.append(key)
            if sign > 0 and pairs[row, _LATEST] != word:
                if sizes[_NODES] == len(nodes):
                    nodes = longer(nodes)
                nodes[sizes[_NODES], _WORD], nodes[sizes[_NODES], _NEXT] = word, pairs[row, _HEAD]
                pairs[row, _HEAD], pairs[row, _LATEST] = sizes[_NODES], word
                sizes[_NODES] += 1
    for key in begun:
        row = row_of(pairs, key)
        if pairs[row, _TOTAL] > 0:
            if sizes[_HEAP] == len(heap):
                heap = longer(heap)
            push(heap, sizes[_HEAP], pairs[row, _TOTAL], key, pairs[row, _HEAD])
            sizes[_HEAP] += 1
    return pairs, nodes, heap
