"""The reference engine: the decoder itself, one row at a time, with the keys and values of what was read kept.

It runs wherever the product runs, computes in full precision, and reports every log-probability. Other engines are
measured against it, so it stays plain: no batching, no quantisation, no compiled graph.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ingot.infer.engine import Stop, fitted
from ingot.infer.sampling import SamplingParams, generator, log_probabilities, most_probable, sample
from ingot.infer.text import Drawn, Token, as_tokens
from ingot.model.cache import Cache
from ingot.model.convert import load
from ingot.tokenizer.chat import stop_ids
from ingot.tokenizer.codec import Codec

_PREFILL_TOKENS = 512  # a long prompt is read in pieces, so that a cancelled request is noticed between two of them


@dataclass(frozen=True)
class Config:
    """`threads` 0 leaves the number as it is; any other counts for everything torch does in this process."""

    threads: int = 0


class Engine:
    """Answers with the model of a folder. Any number of answers may be under way; each holds its own cache."""

    name = "torch"
    most_top_logprobs = 20

    def __init__(self, model_folder: Path, config: Config) -> None:
        if config.threads:
            torch.set_num_threads(config.threads)
        self.codec = Codec.load(model_folder)
        self._decoder = load(model_folder).eval()
        self.context = self._decoder.config.context
        self._end_ids = stop_ids(self.codec)

    def generate(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None = None) -> Iterator[Token]:
        """Return the answer as it is made."""
        shortened = fitted(prompt, params, self)
        return as_tokens(self._draw(prompt, shortened, stop), self.codec.decoder(), shortened, self._end_ids)

    def tokenize(self, text: str) -> None:
        """Return None: the codec is the only tokenizer here."""

    def close(self) -> None:
        """Drop the weights."""
        del self._decoder

    def _draw(self, prompt: Sequence[int], params: SamplingParams, stop: Stop | None) -> Generator[Drawn, None, None]:
        cache = Cache(self._decoder.config, min(self.context, len(prompt) + params.max_tokens))
        random = generator(params)
        logits_V = None
        for start in range(0, len(prompt), _PREFILL_TOKENS):
            if stop is not None and stop():
                return
            logits_V = self._read(prompt[start : start + _PREFILL_TOKENS], cache)
        assert logits_V is not None, "an empty prompt was refused before"
        while stop is None or not stop():
            # Rows beyond the vocabulary only fill the table up; they are weighed, but never chosen.
            chosen = sample(logits_V[: self.codec.vocabulary], params, random)
            log_V = log_probabilities(logits_V)
            yield Drawn(chosen, float(log_V[chosen]), most_probable(log_V, params.top_logprobs))
            logits_V = self._read([chosen], cache)

    # Inference mode belongs to the thread and must not stay on while the generator is suspended, hence a method.
    @torch.inference_mode()
    def _read(self, tokens: Sequence[int], cache: Cache) -> NDArray[np.float32]:
        hidden_BTD = self._decoder(torch.tensor([list(tokens)]), cache=cache)
        logits_V = self._decoder.logits(hidden_BTD[:, -1:])[0, 0]
        return logits_V.float().numpy()
