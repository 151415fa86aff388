"""Move a model to another vocabulary: the rows of its embedding, made from the old ones.

A token both vocabularies have keeps its row; any other begins as the mean of the rows of the old tokens it is made of
(Gee et al. 2022, "Fast vocabulary transfer for language model compression"), so the model reads the new token about as
it read the old ones. A control token that is new begins near the mean of all rows, where it disturbs least (Hewitt
2021, "Initializing new word embeddings for pretrained language models"). An output matrix that is not tied is moved
likewise. Matrices go in and come out as numpy arrays; `model.embedding` puts them into a decoder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from ingot.core.errors import InputError

_TOKENS_AT_ONCE = 4096
_SPREAD = 0.1  # of all rows: enough to tell two new control tokens apart
_FORMS = ("byte_fallback", "continuing_subword_prefix", "end_of_word_suffix")

Matrix = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Transfer:
    """The old tokens that each token n of the new vocabulary is made of: `ids[starts[n]:starts[n + 1]]`, or none."""

    starts: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]
    old_vocabulary: int

    @property
    def vocabulary(self) -> int:
        """How many tokens the new vocabulary has."""
        return len(self.starts) - 1

    @property
    def kept(self) -> int:
        """How many tokens keep one row of the old matrix as it is."""
        return int(np.count_nonzero(np.diff(self.starts) == 1))

    def rows(self, matrix: Matrix, seed: int = 0) -> npt.NDArray[np.float32]:
        """Return the matrix [new vocabulary, width] for one [old vocabulary, width]. Deterministic for a seed."""
        assert len(matrix) >= self.old_vocabulary, "the matrix belongs to the old vocabulary"
        known = np.asarray(matrix[: self.old_vocabulary], dtype=np.float32)
        random = np.random.default_rng(seed)
        made = np.empty((self.vocabulary, known.shape[1]), dtype=np.float32)
        for first in range(0, self.vocabulary, _TOKENS_AT_ONCE):
            last = min(first + _TOKENS_AT_ONCE, self.vocabulary)
            made[first:last] = self._means(known, first, last)
        new = np.flatnonzero(np.diff(self.starts) == 0)
        noise = random.standard_normal((len(new), known.shape[1]), dtype=np.float32)
        made[new] = known.mean(axis=0) + _SPREAD * known.std(axis=0) * noise
        return made

    def _means(self, known: npt.NDArray[np.float32], first: int, last: int) -> npt.NDArray[np.float32]:
        counts = np.diff(self.starts[first : last + 1])
        used = known[self.ids[self.starts[first] : self.starts[last]]]
        sums = np.zeros((last - first, known.shape[1]), dtype=np.float32)
        np.add.at(sums, np.repeat(np.arange(last - first), counts), used)
        return sums / np.maximum(counts, 1).astype(np.float32)[:, None]


def transfer(old: Tokenizer, new: Tokenizer) -> Transfer:
    """Find for each token of a vocabulary what another one would make of it. Both are byte-level BPE.

    Raises InputError when one of them is not: their tokens do not stand for bytes.
    """
    for tokenizer in (old, new):
        check_bytes(tokenizer)
    parts = list(_parts(old, new))
    starts = np.zeros(len(parts) + 1, dtype=np.int64)
    np.cumsum([len(ids) for ids in parts], out=starts[1:])
    return Transfer(starts, np.array([one for ids in parts for one in ids], dtype=np.int64), old.get_vocab_size())


def _parts(old: Tokenizer, new: Tokenizer) -> Iterator[list[int]]:
    old_added, new_added = old.get_added_tokens_decoder(), new.get_added_tokens_decoder()
    learned = {token: token_id for token, token_id in old.get_vocab().items() if token_id not in old_added}
    control = {token.content: token_id for token_id, token in old_added.items() if token.special}
    terms = {token.content: token_id for token_id, token in old_added.items() if not token.special}
    for token_id in range(new.get_vocab_size()):
        token = str(new.id_to_token(token_id))
        added = new_added.get(token_id)
        if added is not None and added.special:
            yield [control[token]] if token in control else []
        elif added is not None:
            yield [terms[token]] if token in terms else old.encode(token, add_special_tokens=False).ids
        elif token in learned:
            yield [learned[token]]
        else:
            yield [part.id for part in old.model.tokenize(token)]


def check_bytes(tokenizer: Tokenizer) -> None:
    """Raise InputError for a tokenizer whose tokens do not stand for bytes."""
    content = json.loads(tokenizer.to_str())
    model = content["model"]
    if model["type"] != "BPE" or any(map(model.get, _FORMS)) or "ByteLevel" not in json.dumps(content["decoder"]):
        raise InputError(
            "the model cannot be moved to another vocabulary",
            where="tokenizer.json",
            why="the tokens of one of the two vocabularies do not stand for bytes (it is not byte-level BPE)",
            fix="use a model with a byte-level BPE tokenizer: GPT-2, Llama 3, Qwen, Mistral with tekken, or Ingot's",
        )
