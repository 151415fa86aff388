"""The reference engine: the decoder itself, one row at a time, with the keys and values of what was read kept.

It runs wherever the product runs, computes in full precision, and reports every log-probability. Other engines are
measured against it, so it stays plain: no batching, no quantisation, no compiled graph. Beginnings of prompts that the
same caller sent before are not read again (`prefixes`).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ingot.infer.engine import Control, EngineStats, Stop, cannot_embed, fitted
from ingot.infer.forcing import Hold, TokenSet
from ingot.infer.prefixes import Prefixes
from ingot.infer.sampling import Chooser, SamplingParams, log_probabilities, most_probable
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.model.cache import Cache
from ingot.model.convert import load
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

_ONE_TOKEN = SamplingParams(max_tokens=1)
_PREFILL_TOKENS = 256  # a long prompt is read in pieces, so that a cancelled request is noticed between two of them


@dataclass(frozen=True)
class Config:
    """`threads` 0 leaves the number as it is; any other counts for everything torch does in this process.

    `prefix_tokens` is how many tokens of earlier requests it keeps at most.
    """

    threads: int = 0
    prefix_tokens: int = 32_768


class Engine:
    """Answers with the model of a folder. Any number of answers may be under way; each holds its own cache."""

    name = "torch"
    most_top_logprobs = 20
    controls: frozenset[Control] = frozenset({"grammar", "penalties", "logit_bias"})

    def __init__(self, model_folder: Path, config: Config) -> None:
        if config.threads:
            torch.set_num_threads(config.threads)
        self.codec = Codec.load(model_folder)
        self._decoder = load(model_folder).eval()
        self.context = self._decoder.config.context
        self._end_ids = stop_ids(self.codec)
        self._pooling = _pooling(model_folder)
        self._prefixes = Prefixes(config.prefix_tokens, _PREFILL_TOKENS)
        self._active = 0

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made."""
        shortened = fitted(prompt, params, self)
        rules = None if shortened.grammar is None else self._token_set.hold(shortened.grammar)
        drawn = self._draw(prompt, shortened, rules, stop)
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
        """Return how many answers are under way; each holds a cache of its own, so none is shared."""
        return EngineStats(active=self._active, waiting=0)

    def close(self) -> None:
        """Drop the weights."""
        del self._decoder

    @cached_property
    def _token_set(self) -> TokenSet:
        return TokenSet(self.codec, self._end_ids)

    def _draw(
        self, prompt: Sequence[int], params: SamplingParams, rules: Hold | None, stop: Stop | None
    ) -> Generator[Drawn, None, None]:
        self._active += 1
        try:
            yield from self._draw_on(prompt, params, rules, stop)
        finally:
            self._active -= 1

    def _draw_on(
        self, prompt: Sequence[int], params: SamplingParams, rules: Hold | None, stop: Stop | None
    ) -> Generator[Drawn, None, None]:
        cache = Cache(self._decoder.config, min(self.context, len(prompt) + params.max_tokens))
        cached = self._prefixes.begin(params.cache_salt, prompt, cache)
        read = list(prompt)
        try:
            logits_V = None
            for start in range(cached, len(prompt), _PREFILL_TOKENS):
                if stop is not None and stop():
                    return
                logits_V = self._read(prompt[start : start + _PREFILL_TOKENS], cache)
            assert logits_V is not None, "an empty prompt was refused before"
            chooser = Chooser(params, rules)
            while stop is None or not stop():
                # Rows beyond the vocabulary only fill the table up; they are weighed, but never chosen.
                chosen = chooser.choose(logits_V[: self.codec.vocabulary])
                log_V = log_probabilities(logits_V)
                known = cached if len(read) == len(prompt) else None
                yield Drawn(chosen, float(log_V[chosen]), most_probable(log_V, params.top_logprobs), known)
                read.append(chosen)
                logits_V = self._read([chosen], cache)
        finally:
            self._prefixes.keep(params.cache_salt, read, cache)

    # Inference mode belongs to the thread and must not stay on while the generator is suspended, hence a method.
    @torch.inference_mode()
    def _read(self, tokens: Sequence[int], cache: Cache) -> NDArray[np.float32]:
        hidden_BTD = self._decoder(torch.tensor([list(tokens)]), cache=cache)
        logits_V = self._decoder.logits(hidden_BTD[:, -1:])[0, 0]
        return logits_V.float().numpy()


def _pooling(model_folder: Path) -> Literal["last", "mean"] | None:
    """Return how a folder that sentence-transformers opens makes a vector of states; None for every other."""
    path = model_folder / "1_Pooling" / "config.json"
    if not path.is_file():
        return None
    fields = json.loads(path.read_text(encoding="utf-8"))
    return "mean" if fields.get("pooling_mode_mean_tokens") else "last"
