"""How probable texts are after a prompt: every choice of every item, each prompt read once, many at a time.

A text and its prompt are tokenised together and parted where the prompt's own tokens end, as lm-evaluation-harness
does, so that its figures are these. Prompts begin with the mark that texts begin with. What does not fit the model's
context is cut from the left, and said.

Three things make it quick. A prompt is read once for all its choices (`branching`). Prompts that begin alike, such as
those with the same examples before them, have that beginning read once. And logits are computed for the tokens that are
asked about, not for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ingot.core.errors import InputError
from ingot.evaluate.branching import FILL, hidden_states
from ingot.infer.reference import frame
from ingot.model.cache import Cache
from ingot.model.convert import load
from ingot.model.decoder import Decoder
from ingot.model.low_rank import adaptable, load_low_rank
from ingot.tokenizer.codec import read_tokenizer

Progress = Callable[[int], None]
# Of one pass: tokens read, tokens before them that every row gets a copy of, and rows of logits.
TOKENS_AT_ONCE, COPIED_AT_ONCE, LOGITS_AT_ONCE = 4096, 32_768, 512
LEAST_SHARED = 32  # beginnings shorter than this are not worth a pass of their own
_TEXTS_AT_ONCE = 4096


@dataclass(frozen=True)
class Weighed:
    """How probable a text is: the sum of its tokens' log-probabilities, and whether each was the most probable one."""

    log_probability: float
    tokens: int
    is_greedy: bool
    is_cut: bool = False


@dataclass(frozen=True)
class _Row:
    """A prompt and what may follow it, as ids; `asked` says which text of which item each branch is."""

    prompt: tuple[int, ...]
    branches: tuple[tuple[int, ...], ...]
    asked: tuple[tuple[int, int], ...]
    is_cut: bool = False

    def tokens(self, shared: int = 0) -> int:
        """How many tokens are read; the last one of a branch is only asked about."""
        return len(self.prompt) - shared + sum(len(branch) - 1 for branch in self.branches)


class Weigher:
    """A model folder, opened to weigh texts. Raises InputError for a folder that is no model.

    With the folder of an `adapter` that one counts inside `with adapting(weigher.adapter)` (model/low_rank).
    """

    def __init__(self, folder: Path, adapter: Path | None = None) -> None:
        self.decoder = self._decoder = load(folder).eval()
        self.adapter = None if adapter is None else load_low_rank(adapter, adaptable(self._decoder))
        self._tokenizer = read_tokenizer(folder)
        self._tokenizer.encode_special_tokens = True  # what stands in a text is text
        self._bos, _ = frame(folder)
        windows = {self._decoder.config.window_of(layer) for layer in range(self._decoder.config.layers)}
        self._can_share = windows == {None}

    def weigh(
        self, asked: Sequence[tuple[str, Sequence[str]]], progress: Progress | None = None
    ) -> list[list[Weighed]]:
        """Return how probable each text is after its prompt; texts are as they follow it, with their white space.

        The result does not depend on what is weighed together, up to rounding. Raises InputError for an empty text.
        """
        rows = self._rows(asked)
        found = [[Weighed(0.0, 0, False)] * len(texts) for _, texts in asked]
        done = 0
        for shared, family in _families(rows, self._can_share):
            done = self._weigh_family(family, shared, found, done, progress)
        return found

    def weigh_ids(self, asked: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[Weighed]:
        """Return how probable the tokens of each pair are after those that stand before them.

        Nothing is put before them, and both together must fit the model's context.
        """
        rows = [_Row(tuple(before), (tuple(after),), ((place, 0),)) for place, (before, after) in enumerate(asked)]
        found = [[Weighed(0.0, 0, False)] for _ in rows]
        for shared, family in _families(rows, self._can_share):
            self._weigh_family(family, shared, found, 0, None)
        return [one for (one,) in found]

    @torch.inference_mode()
    def _weigh_family(
        self, family: Sequence[_Row], shared: int, found: list[list[Weighed]], done: int, progress: Progress | None
    ) -> int:
        prefix = self._read(family[0].prompt[:shared]) if shared else None
        for batch in _batches(family, shared):
            _weigh_batch(self._decoder, batch, shared, prefix, found)
            done += len(batch)
            if progress is not None:
                progress(done)
        return done

    def _read(self, ids: Sequence[int]) -> Cache:
        cache = Cache(self._decoder.config, len(ids), dtype=self._decoder.dtype)
        self._decoder(torch.tensor([list(ids)]), cache=cache)
        return cache

    def _rows(self, asked: Sequence[tuple[str, Sequence[str]]]) -> list[_Row]:
        """Return one row for each item, or one for each text of an item that is longer than the context."""
        rows: list[_Row] = []
        longest = self._decoder.config.context
        for first in range(0, len(asked), _TEXTS_AT_ONCE):
            some = asked[first : first + _TEXTS_AT_ONCE]
            for number, (prompt, branches) in enumerate(self._encoded(some), start=first):
                if all(len(prompt) + len(branch) <= longest + 1 for branch in branches):
                    rows.append(_Row(prompt, branches, tuple((number, place) for place in range(len(branches)))))
                    continue
                for place, branch in enumerate(branches):
                    kept = longest + 1 - len(branch)
                    if kept < 1:
                        raise _too_long(asked[number][1][place], len(branch), longest)
                    rows.append(_Row(prompt[-kept:], (branch,), ((number, place),), len(prompt) > kept))
        return rows

    def _encoded(
        self, asked: Sequence[tuple[str, Sequence[str]]]
    ) -> Iterator[tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]]:
        # White space at the end of a prompt belongs to what follows: a word's token begins with it.
        bare = [(prompt.rstrip(), prompt[len(prompt.rstrip()) :], texts) for prompt, texts in asked]
        prompts = [prompt for prompt, _, _ in bare]
        wholes = [prompt + space + text for prompt, space, texts in bare for text in texts]
        encoded = self._tokenizer.encode_batch_fast(prompts + wholes, add_special_tokens=False)
        ids = iter(encoding.ids for encoding in encoded[len(prompts) :])
        for known, (_, _, texts) in zip(encoded, bare, strict=False):
            branches = tuple(tuple(next(ids)[len(known.ids) :]) for _ in texts)
            for text, branch in zip(texts, branches, strict=True):
                if not branch:
                    raise InputError(
                        "a text to be weighed adds no token to its prompt", where=repr(text), fix="give a text"
                    )
            yield (self._bos, *known.ids), branches


def _too_long(text: str, tokens: int, context: int) -> InputError:
    return InputError(
        f"a choice has {tokens} tokens, but this model reads at most {context}",
        where=repr(text[:60]),
        why="its own beginning would have to be cut",
        fix="leave the item out, or take a model with a longer context",
    )


def _families(rows: Sequence[_Row], can_share: bool) -> Iterator[tuple[int, list[_Row]]]:
    """Yield rows whose prompts begin alike, with how many tokens of that to read once; rows alone come together."""
    alone: list[_Row] = []
    family: list[_Row] = []
    shared = 0
    for row in sorted(rows, key=lambda row: row.prompt) if can_share else rows:
        # The last token of a prompt is read with its branches: it is the one that foretells their first.
        common = _common(family[0].prompt[:shared], row.prompt[:-1]) if family and can_share else 0
        if common >= LEAST_SHARED and common * len(family) >= shared * (len(family) - 1):
            family, shared = [*family, row], common
            continue
        if len(family) > 1:
            yield shared, family
        else:
            alone += family
        family, shared = [row], len(row.prompt) - 1
    if len(family) > 1:
        yield shared, family
    else:
        alone += family
    if alone:
        yield 0, alone


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    most = min(len(one), len(other))
    if one[:most] == other[:most]:
        return most
    return next(place for place in range(most) if one[place] != other[place])


def _batches(family: Sequence[_Row], shared: int) -> Iterator[list[_Row]]:
    """Yield rows of like length, so that little of a batch is filling."""
    batch: list[_Row] = []
    for row in sorted(family, key=lambda row: row.tokens(shared)):
        is_full = row.tokens(shared) * (len(batch) + 1) > TOKENS_AT_ONCE
        if batch and (is_full or (len(batch) + 1) * shared > COPIED_AT_ONCE):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _weigh_batch(
    decoder: Decoder, batch: Sequence[_Row], shared: int, prefix: Cache | None, found: list[list[Weighed]]
) -> None:
    longest = max(row.tokens(shared) for row in batch)
    tokens_BT = torch.zeros((len(batch), longest), dtype=torch.long)
    branch_BT = torch.full((len(batch), longest), FILL)
    read_from: list[int] = []  # for each token asked about, the place in the batch that foretells it
    targets: list[int] = []
    for number, row in enumerate(batch):
        own = row.prompt[shared:]
        ids, marks = list(own), [0] * len(own)
        for mark, branch in enumerate(row.branches, start=1):
            at = number * longest
            read_from += [at + len(own) - 1, *range(at + len(ids), at + len(ids) + len(branch) - 1)]
            targets += branch
            ids += branch[:-1]
            marks += [mark] * (len(branch) - 1)
        tokens_BT[number, : len(ids)] = torch.tensor(ids)
        branch_BT[number, : len(ids)] = torch.tensor(marks)
    cache = None
    if prefix is not None:
        cache = Cache(decoder.config, shared + longest, rows=len(batch), dtype=decoder.dtype)
        cache.begin_as(prefix, shared)
    hidden_ND = hidden_states(decoder, tokens_BT, branch_BT, cache).flatten(0, 1)
    log_N, is_best_N = _foretold(decoder, hidden_ND, torch.tensor(read_from), torch.tensor(targets))
    _hand_out(batch, log_N, is_best_N, found)


def _foretold(decoder: Decoder, hidden_ND: Tensor, read_from_N: Tensor, targets_N: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each target, and whether it is the most probable token.

    The first tokens of all branches are foretold by one place, whose logits are computed once.
    """
    places_R, row_N = torch.unique(read_from_N, return_inverse=True)
    log_N, is_best_N = torch.empty(len(targets_N)), torch.empty(len(targets_N), dtype=torch.bool)
    for first in range(0, len(places_R), LOGITS_AT_ONCE):
        logits_RV = decoder.logits(hidden_ND[places_R[first : first + LOGITS_AT_ONCE]]).float()
        here = (row_N >= first) & (row_N < first + LOGITS_AT_ONCE)
        rows, targets = row_N[here] - first, targets_N[here]
        log_N[here] = logits_RV[rows, targets] - logits_RV.logsumexp(dim=1)[rows]
        is_best_N[here] = logits_RV.argmax(dim=1)[rows] == targets
    return log_N, is_best_N


def _hand_out(batch: Sequence[_Row], log_N: Tensor, is_best_N: Tensor, found: list[list[Weighed]]) -> None:
    logs, best = log_N.double().tolist(), is_best_N.tolist()
    at = 0
    for row in batch:
        for branch, (item, place) in zip(row.branches, row.asked, strict=True):
            end = at + len(branch)
            found[item][place] = Weighed(sum(logs[at:end]), len(branch), all(best[at:end]), row.is_cut)
            at = end
