"""The reference engine: the decoder itself, one row at a time, with the keys and values of what was read kept.

It runs wherever the product runs, computes in full precision, and reports every log-probability. Other engines are
measured against it, so it stays plain: no batching, no quantisation, no compiled graph. Beginnings of prompts that the
same caller sent before are not read again (`prefixes`), where they were read with the same adapter.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ingot.infer.cache_room import cache_room
from ingot.infer.engine import Control, EngineStats, Stop, cannot_embed, fitted
from ingot.infer.forcing import Hold, TokenSet
from ingot.infer.prefixes import Prefixes
from ingot.infer.sampling import Chooser, SamplingParams, log_probabilities, most_probable
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.model.cache import Cache
from ingot.model.convert import load
from ingot.model.low_rank import Adapter, adaptable, adapting, load_low_rank
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

_ONE_TOKEN = SamplingParams(max_tokens=1)
_PREFILL_TOKENS = 256  # a long prompt is read in pieces, so that a cancelled request is noticed between two of them


@dataclass(frozen=True)
class Config:
    """`threads` 0 leaves the number as it is; any other counts for everything torch does in this process.

    `prefix_tokens` is how many tokens of earlier requests it keeps at most, where there is memory for as many.
    """

    threads: int = 0
    prefix_tokens: int = 32_768


class Engine:
    """Answers with the model of a folder. Any number of answers may be under way; each holds its own cache."""

    name = "torch"
    most_top_logprobs = 20
    controls: frozenset[Control] = frozenset({"grammar", "penalties", "logit_bias", "adapter"})

    def __init__(self, model_folder: Path, config: Config) -> None:
        if config.threads:
            torch.set_num_threads(config.threads)
        self.codec = Codec.load(model_folder)
        self._decoder = adaptable(load(model_folder)).eval()
        self._adapters: dict[str, Adapter] = {}
        self._loading = threading.Lock()
        self.context = self._decoder.config.context
        self._end_ids = stop_ids(self.codec)
        self._pooling = _pooling(model_folder)
        self._cache_tokens = cache_room(model_folder, self.context)
        self._prefixes = Prefixes(min(config.prefix_tokens, self._cache_tokens), _PREFILL_TOKENS)
        self._active: dict[int, int] = {}  # tokens each answer may fill, by its number
        self._numbers = itertools.count()

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made."""
        shortened = fitted(prompt, params, self)
        rules = None if shortened.grammar is None else self._token_set.hold(shortened.grammar)
        adapter = None if params.adapter is None else self._adapter(params.adapter)
        drawn = self._draw(prompt, shortened, rules, stop, adapter)
        return as_tokens(drawn, self.codec.decoder(), shortened, self._end_ids)

    def tokenize(self, text: str) -> None:
        """Return None: the codec is the only tokenizer here."""

    @torch.inference_mode()
    def embed(self, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return one unit vector for each prompt, [N, D]; a prompt is a text between its two marks, bos and eos.

        Raises InputError for a model that was not trained with the embedding objective.
        """
        if self._pooling is None:
            raise cannot_embed(self)
        for prompt in prompts:
            fitted(prompt, _ONE_TOKEN, self)
        states = [self._decoder(torch.tensor([list(prompt)]))[0].float() for prompt in prompts]
        pooled_ND = torch.stack([state_TD[-1] if self._pooling == "last" else state_TD.mean(0) for state_TD in states])
        return cast("NDArray[np.float32]", F.normalize(pooled_ND, dim=-1).numpy())

    def stats(self) -> EngineStats:
        """Return how many answers are under way, the tokens they may fill, and how many there is memory for.

        Each holds a cache of its own, made when it begins: whoever asks for more than there is memory for gets it.
        """
        held = list(self._active.values())
        return EngineStats(len(held), 0, sum(held), self._cache_tokens)

    def load_adapter(self, folder: Path) -> None:
        """Load an adapter, if it is not there."""
        self._adapter(str(folder))

    def drop_adapter(self, folder: Path) -> None:
        """Forget an adapter; answers under way hold it themselves."""
        with self._loading:
            self._adapters.pop(str(folder), None)

    def close(self) -> None:
        """Drop the weights."""
        del self._decoder

    @cached_property
    def _token_set(self) -> TokenSet:
        return TokenSet(self.codec, self._end_ids)

    def _adapter(self, folder: str) -> Adapter:
        with self._loading:
            if folder not in self._adapters:
                self._adapters[folder] = load_low_rank(Path(folder), self._decoder)
            return self._adapters[folder]

    def _draw(
        self,
        prompt: Sequence[int],
        params: SamplingParams,
        rules: Hold | None,
        stop: Stop | None,
        adapter: Adapter | None,
    ) -> Generator[Drawn, None, None]:
        number = next(self._numbers)
        self._active[number] = len(prompt) + params.max_tokens
        try:
            yield from self._draw_on(prompt, params, rules, stop, adapter)
        finally:
            del self._active[number]

    def _draw_on(
        self,
        prompt: Sequence[int],
        params: SamplingParams,
        rules: Hold | None,
        stop: Stop | None,
        adapter: Adapter | None,
    ) -> Generator[Drawn, None, None]:
        salt = _salt(params)
        cache = Cache(self._decoder.config, min(self.context, len(prompt) + params.max_tokens))
        cached = self._prefixes.begin(salt, prompt, cache)
        read = list(prompt)
        try:
            logits_V = None
            for start in range(cached, len(prompt), _PREFILL_TOKENS):
                if stop is not None and stop():
                    return
                logits_V = self._read(prompt[start : start + _PREFILL_TOKENS], cache, adapter)
            assert logits_V is not None, "an empty prompt was refused before"
            chooser = Chooser(params, rules)
            while stop is None or not stop():
                # Rows beyond the vocabulary only fill the table up; they are weighed, but never chosen.
                chosen = chooser.choose(logits_V[: self.codec.vocabulary])
                log_V = log_probabilities(logits_V)
                known = cached if len(read) == len(prompt) else None
                yield Drawn(chosen, float(log_V[chosen]), most_probable(log_V, params.top_logprobs), known)
                read.append(chosen)
                logits_V = self._read([chosen], cache, adapter)
        finally:
            self._prefixes.keep(salt, read, cache)

    # Inference mode belongs to the thread and must not stay on while the generator is suspended, hence a method.
    @torch.inference_mode()
    def _read(self, tokens: Sequence[int], cache: Cache, adapter: Adapter | None) -> NDArray[np.float32]:
        with adapting(adapter):
            hidden_BTD = self._decoder(torch.tensor([list(tokens)]), cache=cache)
        logits_V = self._decoder.logits(hidden_BTD[:, -1:])[0, 0]
        return logits_V.float().numpy()


def _salt(params: SamplingParams) -> str | None:
    """Return whose keys and values an answer may share: with another adapter the same words have others."""
    return None if params.cache_salt is None else json.dumps([params.adapter, params.cache_salt])


def _pooling(model_folder: Path) -> Literal["last", "mean"] | None:
    """Return how a folder that sentence-transformers opens makes a vector of states; None for every other."""
    path = model_folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return None
    fields = json.loads(path.read_text(encoding="utf-8"))
    return "mean" if fields.get("pooling_mode_mean_tokens") else "last"
