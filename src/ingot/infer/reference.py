"""The trained model itself, read from its folder and computed in full: what every export is compared with.

It needs no more than a model folder in Hugging Face layout, so it also stands for models that others made.

Shapes: T places, V vocabulary, A tokens asked about.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ingot.core.errors import InputError
from ingot.infer.sampling import log_probabilities
from ingot.model.cache import Cache
from ingot.model.convert import load
from ingot.tokenizer.codec import read_tokenizer


@dataclass(frozen=True)
class Continuation:
    """The most probable tokens after a prompt, and for each place how probable all tokens were, [T, V]."""

    prompt: tuple[int, ...]
    ids: tuple[int, ...]
    log_TV: NDArray[np.float64]


class Reference:
    """A model folder as torch computes it in float32. Raises InputError for a folder that is no model."""

    def __init__(self, folder: Path) -> None:
        self._decoder = load(folder).eval()
        self.tokenizer = read_tokenizer(folder)
        self.tokenizer.encode_special_tokens = True  # what stands in a text is text
        self.context = self._decoder.config.context
        self.bos, self.ends = frame(folder)
        self.vocabulary = self.tokenizer.get_vocab_size()

    def log_probabilities(self, ids: Sequence[int]) -> NDArray[np.float64]:
        """Return how probable every token is after each beginning of the ids, [T, V]; T is one less than the ids."""
        return np.stack([log_probabilities(row) for row in self._logits(ids[:-1])])

    @torch.inference_mode()
    def _logits(self, ids: Sequence[int], cache: Cache | None = None) -> NDArray[np.float32]:
        hidden_BTD = self._decoder(torch.tensor([list(ids)]), cache=cache)
        return self._decoder.logits(hidden_BTD)[0].float().numpy()

    def continued(self, prompt: Sequence[int], count: int) -> Continuation:
        """Return the `count` most probable next tokens, one after another; fewer when the model ends the text."""
        cache = Cache(self._decoder.config, len(prompt) + count)
        ids: list[int] = []
        rows: list[NDArray[np.float64]] = []
        logits_V = self._logits(prompt, cache)[-1]
        while len(ids) < count:
            rows.append(log_probabilities(logits_V))
            ids.append(int(np.argmax(logits_V[: self.vocabulary])))
            if ids[-1] in self.ends:
                break
            logits_V = self._logits(ids[-1:], cache)[-1]
        return Continuation(tuple(prompt), tuple(ids), np.stack(rows))

    def drawn(self, count: int, seed: int) -> str:
        """Return a text of at most `count` tokens drawn from the model; the same seed gives the same text."""
        random = np.random.Generator(np.random.PCG64(seed))
        cache = Cache(self._decoder.config, count + 1)
        ids: list[int] = []
        logits_V = self._logits([self.bos], cache)[-1]
        while len(ids) < count:
            odds_V = np.exp(log_probabilities(logits_V[: self.vocabulary]))
            chosen = int(random.choice(len(odds_V), p=odds_V / odds_V.sum()))
            if chosen in self.ends:
                break
            ids.append(chosen)
            logits_V = self._logits([chosen], cache)[-1]
        text: str = self.tokenizer.decode(ids)
        return text

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of each text, nothing put before or behind."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def words(self) -> list[str]:
        """Return what the tokens stand for that are whole characters; control tokens stand for nothing."""
        spelled: list[str] = [self.tokenizer.decode([token]) for token in range(self.vocabulary)]
        return [text for text in spelled if text and "\ufffd" not in text]


def frame(folder: Path) -> tuple[int, frozenset[int]]:
    """Return the id that texts begin with, and those that end them."""
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if (folder / "generation_config.json").is_file():
        more = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
        told |= {name: value for name, value in more.items() if value is not None}
    ends = told.get("eos_token_id")
    if ends is None:
        raise InputError(
            "the model does not say which tokens end a text",
            where=str(folder / "config.json"),
            fix="add eos_token_id to config.json, as the model's card gives it",
        )
    ends = ends if isinstance(ends, list) else [ends]
    bos = told.get("bos_token_id")
    # Bases without a mark at the beginning begin where another text ended.
    return int(ends[0] if bos is None else bos), frozenset(map(int, ends))
